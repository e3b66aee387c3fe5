"""What a run would promise and spend, from public numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from common.config import Config
from common.findings import Level
from common.privacy import filter as privacy_filter
from common.privacy.accountant import gaussian_epsilon, gaussian_mu_at
from common.privacy.budget import PrivacyBudget
from common.privacy.commitment import Commitment, decide
from common.run_plan import RunPlan
from server.privacy_forecast import Promise, forecast
from simulations.check.finding import Finding, Group
from simulations.privacy_statement import group_privacy
from simulations.wording import delta_text, epsilon_text, of_count

GROUP_SIZES = (2, 5)
# Sampled steps take the accountant about a second a round: not all of a long run.
MOST_ROUNDS_SHOWN = 12
# At delta = 1 / n a mechanism that gives a whole example away passes as private.
LARGEST_DELTA_SHARE = 0.1
# Measured on digits-demo's validation part, ten classes: at epsilon 1 (N = 123) the
# global student reaches 66%, at 0.5 (N = 69) 20%, at 0.25 it guesses.
LEAST_SIZE_PER_CLASS = 10
_Line = partial(Finding, group=Group.PRIVACY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What each site of a run commits to.

    Attributes:
        commitment: of every site; in a simulation all have the same budget.
        mu: of the Gaussian mechanism that is as private; infinite without privacy.
        effective_size: see :func:`effective_size`.
    """

    commitment: Commitment
    mu: float
    effective_size: float


def outlook(config: Config, plan: RunPlan) -> Outlook:
    """Returns what each simulated site would commit to a plan.

    A simulated site's lifetime budget is what the run asks for, and its ledger empty.
    """
    if not plan.mechanism.is_private:
        budget = PrivacyBudget.unlimited(delta=plan.delta)
        commitment = decide(plan, budget=budget, earlier=())
        return Outlook(commitment=commitment, mu=math.inf, effective_size=math.inf)
    budget = PrivacyBudget(epsilon=plan.epsilon, delta=plan.delta)
    commitment = decide(plan, budget=budget, earlier=())
    mu = 0.0
    if commitment.rounds:
        mu = gaussian_mu_at(epsilon=commitment.epsilon, delta=plan.delta)
    size = effective_size(
        sites=config.sites, nominal_examples=config.mean_nominal_examples, mu=mu
    )
    return Outlook(commitment=commitment, mu=mu, effective_size=size)


def effective_size(*, sites: int, nominal_examples: float, mu: float) -> float:
    """Returns N = sqrt(K) n mu: what K sites of n examples are worth under mu-GDP.

    The noises of K sites, each of standard deviation c / mu over all rounds for a
    sensitivity c, leave one of c / N in the mean over all K n examples.
    """
    return math.sqrt(sites) * nominal_examples * mu


def privacy_findings(
    config: Config, plan: RunPlan, ahead: Outlook
) -> Iterator[Finding]:
    """Yields noise, forecast, what groups and repeated runs get, and what is odd."""
    if not plan.mechanism.is_private:
        yield _Line(
            level=Level.WARNING,
            text="privacy.mechanism = none promises no privacy at all: students and "
            "soft labels may reveal single examples, and every report says so in red.",
        )
        return
    if not ahead.commitment.rounds:
        yield _Line(
            level=Level.ERROR,
            text=f"Not one private round is affordable at epsilon {plan.epsilon:g} and "
            f"delta {plan.delta:g}: use a larger epsilon, a larger "
            "privacy.noise-multiplier or fewer steps.",
        )
        return
    yield _noise(config, plan, ahead)
    yield _forecast(plan, ahead.commitment)
    yield _groups(plan, ahead)
    yield _lifetime(plan, ahead.commitment)
    yield _delta(config)
    yield from _too_small(plan, ahead)


def _noise(config: Config, plan: RunPlan, ahead: Outlook) -> Finding:
    noise = ahead.commitment.noise_multiplier
    why = f"the smallest that keeps epsilon {plan.epsilon:g}"
    if config.privacy.noise_multiplier > 0:
        why = "as the config says"
    return _Line(
        level=Level.OK,
        text=f"Noise multiplier {noise:g}, {why}: {of_count(plan.rounds, 'round')} of "
        f"{of_count(plan.steps_per_round, 'private step')} at sampling probability "
        f"{plan.sampling_probability:.3g}.",
        figures={
            "noise_multiplier": noise,
            "steps_per_round": plan.steps_per_round,
            "sampling_probability": plan.sampling_probability,
            "gaussian_mu": ahead.mu,
        },
    )


def _forecast(plan: RunPlan, commitment: Commitment) -> Finding:
    rounds = _rounds_shown(plan.rounds)
    epsilons = tuple(
        forecast(
            [
                Promise(
                    epsilon=commitment.epsilon,
                    delta=commitment.delta,
                    rounds=commitment.rounds,
                    asked=asked,
                )
            ],
            plan,
        ).epsilon
        for asked in rounds
    )
    shown = ", ".join(
        f"{epsilon_text(epsilon)} ({number})"
        for number, epsilon in zip(rounds, epsilons, strict=True)
    )
    text = f"Epsilon at delta {plan.delta:g} after each round: {shown}."
    if commitment.rounds < plan.rounds:
        text += (
            f" The budget ends after round {commitment.rounds}: from then on sites go "
            "on digesting and labelling but read no private data."
        )
    return _Line(
        level=Level.OK if commitment.rounds == plan.rounds else Level.WARNING,
        text=text,
        figures={
            "rounds": rounds,
            "epsilon": epsilons,
            "private_rounds": commitment.rounds,
        },
    )


def _rounds_shown(rounds: int) -> tuple[int, ...]:
    """Returns the rounds to speak of: all, or some evenly spread and the last."""
    stride = math.ceil(rounds / MOST_ROUNDS_SHOWN)
    return tuple(sorted({*range(1, rounds + 1, stride), rounds}))


def _groups(plan: RunPlan, ahead: Outlook) -> Finding:
    """Says what somebody with several examples gets.

    k examples are k mu under GDP (Dong, Roth & Su 2022, theorem 2.14), which full
    batches are exactly; sampled steps get the general bound, epsilon k times.
    """
    is_gaussian = plan.sampling_probability == 1
    pairs = [
        (gaussian_epsilon(size * ahead.mu, delta=plan.delta), plan.delta)
        if is_gaussian
        else group_privacy(ahead.commitment.epsilon, plan.delta, size=size)
        for size in GROUP_SIZES
    ]
    shown = ", ".join(
        f"{size} examples "
        + (
            f"epsilon {epsilon_text(epsilon)} at delta {delta_text(delta)}"
            if delta < 1
            else "no promise"
        )
        for size, (epsilon, delta) in zip(GROUP_SIZES, pairs, strict=True)
    )
    bound = "exactly, by GDP" if is_gaussian else "by the general bound"
    return _Line(
        level=Level.OK,
        text=f"The unit is one {plan.unit.value}. Somebody with more at one site has "
        f"less: {shown} ({bound}).",
        figures={
            "group_sizes": GROUP_SIZES,
            "group_epsilon": tuple(epsilon for epsilon, _ in pairs),
            "group_delta": tuple(delta for _, delta in pairs),
        },
    )


def _lifetime(plan: RunPlan, commitment: Commitment) -> Finding:
    run = commitment.event_per_round(plan)
    events = [] if run is None else [run] * (2 * commitment.rounds)
    budget = PrivacyBudget(epsilon=plan.epsilon, delta=plan.delta)
    twice = privacy_filter.bound(budget, events).epsilon
    return _Line(
        level=Level.OK,
        text="A simulated site's lifetime budget is this run's epsilon. A deployed "
        "site's policy holds its own: noise grows, or private rounds end, where the "
        f"run does not fit in. This run twice needs epsilon {epsilon_text(twice)} at "
        f"delta {plan.delta:g}.",
        figures={"epsilon_of_two_runs": twice},
    )


def _delta(config: Config) -> Finding:
    largest = max(config.nominal_examples)
    share = config.privacy.delta * largest
    is_close = share > LARGEST_DELTA_SHARE
    text = (
        f"Delta {config.privacy.delta:g} is {share:.2g} times 1 / nominal examples of "
        f"the largest site ({largest:,})"
    )
    advice = (
        f": at 1 or above one example could be given away whole. Take "
        f"{LARGEST_DELTA_SHARE / largest:.1g} or less"
    )
    return _Line(
        level=Level.WARNING if is_close else Level.OK,
        text=f"{text}{advice if is_close else ''}.",
        figures={"delta_times_largest_site": share},
    )


def _too_small(plan: RunPlan, ahead: Outlook) -> Iterator[Finding]:
    if plan.head is not None:
        return  # the head's own dimension says how much is needed
    needed = LEAST_SIZE_PER_CLASS * plan.num_classes
    if ahead.effective_size < needed:
        yield _Line(
            level=Level.WARNING,
            text=f"The sites are too small for the epsilon: N = sqrt(sites) x nominal "
            f"examples x mu = {ahead.effective_size:.3g}, below {needed:.3g} "
            f"({LEAST_SIZE_PER_CLASS} a class) students hardly learn. Use more "
            "examples or sites, a larger epsilon, or the mechanism dp-head.",
            figures={"effective_size": ahead.effective_size},
        )
