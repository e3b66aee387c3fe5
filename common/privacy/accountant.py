"""The tight accountant: a pure function from privacy events to (epsilon, delta).

Gaussian steps on full batches are exactly mu-GDP with mu^2 = sum of steps / noise^2, so
their epsilon is that of one Gaussian mechanism: Balle & Wang (2018), "Improving the
Gaussian Mechanism for Differential Privacy", https://arxiv.org/abs/1805.06530, theorem
8. Poisson sampling is composed by privacy loss distributions (Koskela et al. 2020,
https://arxiv.org/abs/1906.03049; Doroshenko et al. 2022, "Connect the Dots",
https://arxiv.org/abs/2207.04380) in Google's dp_accounting, rounded so that epsilon is
an upper bound.

Both hold for parameters that were fixed before the first output. Where later parameters
may depend on earlier outputs, :mod:`common.privacy.filter` has the word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from common import checks
from common.errors import UnsupportedEventError
from common.privacy.budget import PrivacySpent
from common.privacy.events import Adjacency, Mechanism, PrivacyEvent, PrivacyUnit

_LARGEST_NOISE_MULTIPLIER = 1e6  # more counts as that, and costs next to nothing
NEGLIGIBLE_NOISE_MULTIPLIER = 0.05  # epsilon of one full step is above 200
# Rounding to a grid of privacy losses adds about (interval / spread)^2 / 12 to epsilon,
# relatively, where spread is a step's root mean square loss: 0.06% here (measured).
_INTERVALS_PER_SPREAD = 12.0
_WIDEST_INTERVAL = 0.01
# A hostile plan must exhaust neither a site's memory nor its patience.
_MOST_INTERVALS = 1_000_000
_MOST_SAMPLED_STEPS = 1_000_000
_LARGEST_EXPONENT = 50.0
_RELATIVE_TOLERANCE = 1e-12
_ASYMPTOTIC_FROM = 25.0
# Both take Gaussian steps on clipped sums; an additive head's are of full batches.
_KNOWN_MECHANISMS = (Mechanism.DP_SGD, Mechanism.DP_HEAD, Mechanism.NONE)


class Segment(NamedTuple):
    """Merged steps of a Poisson-sampled Gaussian mechanism with equal parameters."""

    noise_multiplier: float
    sampling_probability: float
    steps: int


def spent(events: Sequence[PrivacyEvent], *, delta: float) -> PrivacySpent:
    """Returns what events with parameters fixed in advance cost together.

    Args:
        events: any number, in any order; none cost nothing.
        delta: the delta at which epsilon is read, in (0, 1).

    Returns:
        An upper bound of epsilon: exact for full batches, else too large by less than
        0.5%. Infinite if any event has no guarantee.

    Raises:
        UnsupportedEventError: an event that no accountant here knows.
        ValueError: delta is out of range.
    """
    checks.in_open_range(0, 1, delta=delta)
    require_supported(events)
    unbounded = any(has_no_guarantee(event) for event in events)
    epsilon = math.inf if unbounded else _epsilon(merged(events), delta)
    return PrivacySpent(epsilon=epsilon, delta=delta)


def has_no_guarantee(event: PrivacyEvent) -> bool:
    """Whether an event has infinite epsilon, or one that nobody needs to compute."""
    return (
        not event.mechanism.is_private
        or event.noise_multiplier < NEGLIGIBLE_NOISE_MULTIPLIER
    )


def require_supported(events: Iterable[PrivacyEvent]) -> None:
    """Refuses events that no accountant here knows; nothing is guessed.

    Raises:
        UnsupportedEventError: naming the first such event.
    """
    for event in events:
        is_known = event.mechanism in _KNOWN_MECHANISMS
        kind = (event.unit, event.adjacency)
        if not is_known or kind != (PrivacyUnit.EXAMPLE, Adjacency.ADD_OR_REMOVE_ONE):
            raise UnsupportedEventError(
                f"No accountant for {event.mechanism} per {event.unit.value} under "
                f"{event.adjacency.value}; known: dp-sgd and dp-head per example under "
                "add-or-remove-one. It counts as infinite epsilon and is refused."
            )


def merged(events: Iterable[PrivacyEvent]) -> tuple[Segment, ...]:
    """Returns private events with equal parameters merged, sorted.

    Equal sets of steps give equal tuples however they were cut into events, and the
    accountants' time does not grow with the number of rounds.
    """
    steps: dict[tuple[float, float], int] = {}
    for event in events:
        noise_multiplier = min(event.noise_multiplier, _LARGEST_NOISE_MULTIPLIER)
        key = (noise_multiplier, event.sampling_probability)
        steps[key] = steps.get(key, 0) + event.steps
    return tuple(sorted(Segment(*key, count) for key, count in steps.items()))


def gaussian_mu(segments: Iterable[Segment]) -> float:
    """Returns mu of the Gaussian mechanism that equals all steps on full batches."""
    return math.sqrt(sum(one.steps / one.noise_multiplier**2 for one in segments))


def gaussian_delta(mu: float, *, epsilon: float) -> float:
    """Returns the exact delta of a mu-GDP mechanism at ``epsilon`` >= 0.

    Balle & Wang (2018), theorem 8, with mu for sensitivity over standard deviation:
    Phi(mu / 2 - epsilon / mu) - exp(epsilon) Phi(-mu / 2 - epsilon / mu).
    """
    upper = mu / 2 - epsilon / mu
    lower = mu / 2 + epsilon / mu
    # exp(epsilon) phi(lower) = phi(upper), which does not overflow.
    density = math.exp(-upper * upper / 2) / math.sqrt(2 * math.pi)
    return 0.5 * math.erfc(-upper / math.sqrt(2)) - density * _mills_ratio(lower)


def gaussian_epsilon(mu: float, *, delta: float) -> float:
    """Returns the exact epsilon of a mu-GDP mechanism at ``delta``, rounded up."""
    if mu == 0:
        return 0.0

    def suffices(epsilon: float) -> bool:
        return gaussian_delta(mu, epsilon=epsilon) <= delta

    return 0.0 if suffices(0.0) else _smallest(suffices)


def gaussian_mu_at(*, epsilon: float, delta: float) -> float:
    """Returns the largest mu that costs at most epsilon at ``delta``, from below."""

    def suffices(inverse: float) -> bool:
        return gaussian_delta(1 / inverse, epsilon=epsilon) <= delta

    return 1 / _smallest(suffices)


def _smallest(suffices: Callable[[float], bool]) -> float:
    """Returns the smallest positive number that suffices, from above, by bisection."""
    high = 1.0
    while not suffices(high):
        high *= 2
    low = 0.0
    while high - low > _RELATIVE_TOLERANCE * high:
        middle = (low + high) / 2
        if suffices(middle):
            high = middle
        else:
            low = middle
    return high


def _mills_ratio(x: float) -> float:
    """Returns (1 - Phi(x)) / phi(x) for x >= 0 without underflow."""
    if x < _ASYMPTOTIC_FROM:
        tail = 0.5 * math.erfc(x / math.sqrt(2))
        return tail * math.sqrt(2 * math.pi) * math.exp(x**2 / 2)
    square = x**-2
    return (1 - square * (1 - 3 * square * (1 - 5 * square * (1 - 7 * square)))) / x


@lru_cache(maxsize=4096)
def _epsilon(segments: tuple[Segment, ...], delta: float) -> float:
    """Returns epsilon of merged segments; a pure function, hence cached."""
    full = [one for one in segments if one.sampling_probability == 1]
    sampled = [one for one in segments if one.sampling_probability < 1]
    mu = gaussian_mu(full)
    if not sampled:
        return gaussian_epsilon(mu, delta=delta)
    if mu > 0:
        sampled.append(Segment(1 / mu, 1.0, 1))
    return _composed_epsilon(sampled, delta=delta)


def _composed_epsilon(segments: Sequence[Segment], *, delta: float) -> float:
    """Returns epsilon by composing privacy loss distributions, from above."""
    # A second and a half of imports that full-batch runs never need.
    from dp_accounting.pld import privacy_loss_distribution  # noqa: PLC0415

    if sum(one.steps for one in segments) > _MOST_SAMPLED_STEPS:
        return math.inf
    interval = _discretization_interval(segments)
    total = privacy_loss_distribution.identity(value_discretization_interval=interval)
    for one in segments:
        step = privacy_loss_distribution.from_gaussian_mechanism(
            one.noise_multiplier,
            sampling_prob=one.sampling_probability,
            value_discretization_interval=interval,
        )
        total = total.compose(step.self_compose(one.steps))
    return float(total.get_epsilon_for_delta(delta))


def _discretization_interval(segments: Sequence[Segment]) -> float:
    """Returns the grid of privacy losses, in nats, for a relative error of 0.06%.

    The mean square loss of a step is close to q^2 (exp(1 / noise^2) - 1), the
    chi-squared divergence of the Poisson-sampled Gaussian. The grid is coarser, and
    epsilon larger, where it would have too many points: for the losses of one step, up
    to 1 / (2 noise^2) + 10 / noise, and of all, whose mean is below q / (2 noise^2).
    """
    steps = mean_square = total = widest = 0.0
    for one in segments:
        inverse_variance = one.noise_multiplier**-2
        exponent = min(inverse_variance, _LARGEST_EXPONENT)
        steps += one.steps
        mean_square += one.steps * one.sampling_probability**2 * math.expm1(exponent)
        total += one.steps * one.sampling_probability * inverse_variance / 2
        widest = max(widest, inverse_variance / 2 + 10 / one.noise_multiplier)
    spread = math.sqrt(mean_square / steps)
    interval = min(spread / _INTERVALS_PER_SPREAD, _WIDEST_INTERVAL)
    return max(interval, max(total, widest) / _MOST_INTERVALS)
