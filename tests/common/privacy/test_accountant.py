"""The tight accountant against independent integrals and another library."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from opacus.accountants import PRVAccountant

from common.errors import UnsupportedEventError
from common.privacy.accountant import (
    gaussian_delta,
    gaussian_epsilon,
    gaussian_mu_at,
    merged,
    spent,
)
from common.privacy.events import Adjacency, PrivacyUnit
from tests.common.privacy.builders import DELTA, event, non_private_event
from tests.rules import naming

GRID = np.linspace(-60, 60, 1_200_001)
TIGHT = 0.005


def _log_density(mean: float) -> NDArray[np.float64]:
    return -((GRID - mean) ** 2) / 2 - math.log(2 * math.pi) / 2


def _log_mixture(shift: float, probability: float) -> NDArray[np.float64]:
    if probability == 1:
        return _log_density(shift)
    return np.logaddexp(
        math.log1p(-probability) + _log_density(0),
        math.log(probability) + _log_density(shift),
    )


def _integrated_delta(noise: float, probability: float, epsilon: float) -> float:
    """Integrates max(0, P - exp(epsilon) Q) in both directions for one step."""
    without, including = _log_density(0), _log_mixture(1 / noise, probability)
    step = GRID[1] - GRID[0]
    return max(
        float(np.maximum(np.exp(p) - np.exp(epsilon + q), 0).sum() * step)
        for p, q in ((including, without), (without, including))
    )


def test_no_events_cost_nothing() -> None:
    """An empty ledger has spent epsilon 0."""
    assert spent([], delta=DELTA).epsilon == 0


def test_an_event_without_guarantee_makes_epsilon_infinite() -> None:
    """One non-private step among private ones leaves no guarantee."""
    total = spent([event(), non_private_event()], delta=DELTA)

    assert total.epsilon == math.inf, "Rule 8: no guarantee must be infinite epsilon."


@pytest.mark.parametrize(
    "fields",
    [
        {"unit": PrivacyUnit.CLIENT},
        {"adjacency": Adjacency.REPLACE_ONE},
        {"adjacency": Adjacency.REPLACE_SPECIAL},
    ],
)
def test_an_unknown_event_is_refused(fields: dict[str, object]) -> None:
    """A unit or adjacency that the accountant lacks is refused, not guessed."""
    with (
        naming("Rule 8: an unknown event was accounted for."),
        pytest.raises(UnsupportedEventError, match="infinite epsilon and is refused"),
    ):
        spent([event(), event(**fields)], delta=DELTA)


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, math.nan])
def test_a_delta_out_of_range_is_refused(delta: float) -> None:
    """A target delta outside (0, 1) is an error."""
    with pytest.raises(ValueError, match="Expected delta="):
        spent([event()], delta=delta)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.7, 20.0])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0, 5.0])
def test_the_gaussian_delta_is_the_integral(noise: float, epsilon: float) -> None:
    """Balle and Wang's formula equals the integral that it stands for."""
    exact = gaussian_delta(1 / noise, epsilon=epsilon)

    assert exact == pytest.approx(
        _integrated_delta(noise, 1.0, epsilon), rel=1e-6, abs=1e-14
    )


def test_the_gaussian_delta_survives_large_numbers() -> None:
    """At mu = 60, exp(epsilon) alone would overflow."""
    assert gaussian_delta(60.0, epsilon=1800.0) == pytest.approx(0.4934, abs=1e-4)


def test_the_published_noise_of_the_analytic_gaussian_mechanism() -> None:
    """Epsilon 1 at delta 1e-5 needs a noise multiplier of 3.73, one step."""
    assert 1 / gaussian_mu_at(epsilon=1.0, delta=1e-5) == pytest.approx(
        3.7306, abs=1e-4
    )


@given(epsilon=st.floats(1e-3, 50), delta=st.floats(1e-10, 0.1))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_gaussian_epsilon_and_mu_are_inverse(epsilon: float, delta: float) -> None:
    """The largest mu for an epsilon costs that epsilon, and not more."""
    mu = gaussian_mu_at(epsilon=epsilon, delta=delta)

    assert gaussian_delta(mu, epsilon=epsilon) <= delta
    assert gaussian_epsilon(mu, delta=delta) == pytest.approx(epsilon, rel=1e-6)


def test_full_batches_compose_exactly() -> None:
    """Steps on full batches are one Gaussian mechanism of mu^2 = sum 1 / noise^2."""
    events = [event(4.0, steps=20), event(3.0), event(10.0, steps=7)]
    mu = math.sqrt(20 / 16 + 1 / 9 + 7 / 100)

    assert spent(events, delta=DELTA).epsilon == gaussian_epsilon(mu, delta=DELTA)


@pytest.mark.parametrize(
    ("noise", "probability"),
    [(1.0, 0.05), (0.5, 0.01), (4.0, 0.5), (50.0, 0.3), (2.0, 0.999)],
)
def test_one_sampled_step_is_the_integral(noise: float, probability: float) -> None:
    """Epsilon of a sampled step is an upper bound, tight to half a percent."""
    epsilon = spent([event(noise, probability)], delta=1e-4).epsilon

    assert epsilon > 0
    assert _integrated_delta(noise, probability, epsilon) <= 1e-4 * (1 + 1e-6)
    assert _integrated_delta(noise, probability, epsilon * (1 - TIGHT)) > 1e-4


@pytest.mark.filterwarnings("ignore")  # Opacus' own
@pytest.mark.parametrize(
    ("noise", "probability", "steps"),
    [(3.4, 0.032, 625), (0.86, 0.032, 625), (4.0, 0.5, 20), (1.0, 0.01, 2000)],
)
def test_agrees_with_the_prv_accountant(
    noise: float, probability: float, steps: int
) -> None:
    """Opacus' PRV accountant finds the same epsilon within one percent."""
    other = PRVAccountant()
    other.history = [(noise, probability, steps)]

    epsilon = spent([event(noise, probability, steps)], delta=DELTA).epsilon

    assert epsilon == pytest.approx(
        other.get_epsilon(delta=DELTA, eps_error=0.001), rel=0.01
    )


@pytest.mark.filterwarnings("ignore")  # Opacus' own
def test_mixed_noise_agrees_with_the_prv_accountant() -> None:
    """Segments of different noise and sampling compose as in Opacus."""
    segments = [(1.5, 0.05, 100), (2.0, 0.1, 50), (8.0, 1.0, 2)]
    other = PRVAccountant()
    other.history = segments

    epsilon = spent([event(*one) for one in segments], delta=DELTA).epsilon

    assert epsilon == pytest.approx(
        other.get_epsilon(delta=DELTA, eps_error=0.001), rel=0.01
    )


@pytest.mark.parametrize("probability", [0.05, 1.0])
def test_rounds_compose(probability: float) -> None:
    """Ten rounds cost much more than one, and less than ten times one."""
    one = event(3.0, probability, steps=5)

    single = spent([one], delta=DELTA).epsilon
    composed = spent([one] * 10, delta=DELTA).epsilon

    assert composed > 1.5 * single, "Rule 1: a fresh accountant per round."
    assert composed < 10 * single


def test_the_commonest_mistake_in_the_field() -> None:
    """A fresh accountant prints .33 each round, and 50 rounds cost 1.52."""
    one = event(1.1, 0.01, steps=20)

    single = spent([one], delta=DELTA).epsilon
    composed = spent([one] * 50, delta=DELTA).epsilon

    assert single == pytest.approx(0.33, abs=0.005)
    assert composed == pytest.approx(1.52, abs=0.01), (
        "Rule 1: a fresh accountant per round."
    )


def test_how_events_were_cut_does_not_matter() -> None:
    """Merging equal segments gives one epsilon, whatever the rounds were."""
    whole = [event(3.0, 0.1, steps=30), event(4.0, steps=4)]
    cut = [event(4.0), *[event(3.0, 0.1, steps=5)] * 6, event(4.0, steps=3)]

    assert merged(cut) == merged(whole)
    assert spent(cut, delta=DELTA) == spent(whole, delta=DELTA)


@given(
    noise=st.floats(0.5, 20),
    probability=st.floats(0.001, 0.9),
    steps=st.integers(1, 500),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_sampling_only_helps_and_steps_only_cost(
    noise: float, probability: float, steps: int
) -> None:
    """Sampled steps cost no more than full batches; one step more costs no less."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampled = spent([event(noise, probability, steps)], delta=DELTA).epsilon
    full = spent([event(noise, 1.0, steps)], delta=DELTA).epsilon
    longer = spent([event(noise, probability, 2 * steps)], delta=DELTA).epsilon

    assert sampled <= full * (1 + TIGHT)
    assert longer >= sampled


@pytest.mark.parametrize(
    ("noise", "probability", "steps", "least"),
    [
        (1e-200, 0.5, 1, 1e3),
        (0.01, 1.0, 10**9, 1e3),
        (0.05, 0.5, 1000, 1e3),
        (1.0, 0.5, 10**18, 1e3),
        (1e300, 0.5, 10, 0.0),
        (0.5, 1e-12, 10, 0.0),
    ],
)
def test_hostile_parameters_are_answered(
    noise: float, probability: float, steps: int, least: float
) -> None:
    """Whatever an event may hold, there is a bound in seconds, and no exception."""
    epsilon = spent([event(noise, probability, steps)], delta=DELTA).epsilon

    assert epsilon >= least
    assert (epsilon > 1) == (least > 1)
