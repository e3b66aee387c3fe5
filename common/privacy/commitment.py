"""What a site commits to a run: the minimum of what is asked and what is left.

A pure function of plan, budget and ledger, so it may be told to the server: epsilon,
rounds and noise of a commitment say nothing about the data.

A ledger's first plan is tested by the tight accountant alone, since all its parameters
precede every output. From the second plan on one filter covers all events.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

from common import checks
from common.errors import AdjacencyMismatchError, PrivacyError
from common.privacy import filter as privacy_filter
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget, PrivacySpent
from common.privacy.calibration import (
    calibrate_noise_multiplier,
    smallest_noise_multiplier,
)
from common.privacy.events import Adjacency, PrivacyEvent
from common.run_plan import RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What a site will spend in a run, decided at hello and never raised.

    Attributes:
        noise_multiplier: of every private step; 0 without privacy or rounds.
        rounds: rounds with private training, 0 where none is affordable.
        epsilon: what these rounds cost alone; 0 without rounds, infinite without
            privacy.
        delta: the delta at which epsilon is read: the plan's.
        is_indivisible: whether the first reservation spends all rounds, so that closing
            the plan early gives nothing back. So it is for a ledger's first plan that
            the tight accountant admits and the filter does not: a server could else
            stop it in view of its answers and have the filter's budget after all, two
            chances at one delta.
    """

    noise_multiplier: float
    rounds: int
    epsilon: float
    delta: float
    is_indivisible: bool = False

    def __post_init__(self) -> None:
        checks.non_negative(noise_multiplier=self.noise_multiplier, rounds=self.rounds)
        checks.in_open_range(0, 1, delta=self.delta)
        if not self.epsilon >= 0:
            raise ValueError(f"Expected epsilon={self.epsilon} to be >= 0.")

    def event_per_round(self, plan: RunPlan) -> PrivacyEvent | None:
        """Returns what one private round of ``plan`` spends; None without rounds.

        Rounds without privacy are events too: a ledger that saw one has no guarantee.
        """
        if self.rounds == 0:
            return None
        return _event(plan, self.noise_multiplier, rounds=1)


def decide(
    plan: RunPlan, *, budget: PrivacyBudget, earlier: Sequence[PrivacyEvent]
) -> Commitment:
    """Returns what a site with this budget and ledger commits to the plan.

    Epsilon and rounds are ceilings. Where the plan fixes the noise multiplier, the site
    takes as many rounds as are affordable; else all rounds with the smallest noise that
    keeps the run alone within the plan's epsilon, and ledger and run within the budget.

    Args:
        plan: what the server asks for. Whether a mechanism is allowed at all is the
            policy's question, not asked here.
        budget: lifetime total of the dataset id.
        earlier: every event that the ledger counts, in its order; empty only for a
            ledger's first plan.

    Raises:
        AdjacencyMismatchError: the plan's unit, adjacency or delta does not compare
            with the budget's.
        UnsupportedEventError: an earlier event that no accountant here knows.
    """
    if not plan.mechanism.is_private:
        return Commitment(
            noise_multiplier=0.0, rounds=plan.rounds, epsilon=math.inf, delta=plan.delta
        )
    _require_comparable(plan, budget)
    question = _Question(plan=plan, budget=budget, earlier=tuple(earlier))
    if plan.noise_multiplier > 0:
        noise_multiplier = plan.noise_multiplier
        rounds = question.most_rounds(noise_multiplier)
    else:
        noise_multiplier = question.least_noise_multiplier() or 0.0
        rounds = plan.rounds if noise_multiplier > 0 else 0
    if rounds == 0:
        return Commitment(noise_multiplier=0.0, rounds=0, epsilon=0.0, delta=plan.delta)
    return Commitment(
        noise_multiplier=noise_multiplier,
        rounds=rounds,
        epsilon=question.alone(noise_multiplier, rounds).epsilon,
        delta=plan.delta,
        is_indivisible=question.is_beyond_filter(noise_multiplier, rounds),
    )


def _require_comparable(plan: RunPlan, budget: PrivacyBudget) -> None:
    asked = (plan.unit, Adjacency.ADD_OR_REMOVE_ONE)
    if asked != (budget.unit, budget.adjacency):
        raise AdjacencyMismatchError(
            f"The run plan is per {asked[0].value} under {asked[1].value}, the budget "
            f"per {budget.unit.value} under {budget.adjacency.value}. The two do not "
            "compare. The plan is refused and nothing was spent."
        )
    if plan.delta > budget.delta:
        raise AdjacencyMismatchError(
            f"Expected the run plan's delta={plan.delta:g} to be at most the budget's, "
            f"{budget.delta:g}. The plan is refused and nothing was spent."
        )


def _event(plan: RunPlan, noise_multiplier: float, *, rounds: int) -> PrivacyEvent:
    return PrivacyEvent(
        mechanism=plan.mechanism,
        noise_multiplier=noise_multiplier,
        sampling_probability=plan.sampling_probability,
        steps=rounds * plan.steps_per_round,
        unit=plan.unit,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What some rounds at some noise would cost, alone and in a lifetime."""

    plan: RunPlan
    budget: PrivacyBudget
    earlier: tuple[PrivacyEvent, ...]

    def alone(self, noise_multiplier: float, rounds: int) -> PrivacySpent:
        """The run's own cost: its parameters are fixed before its first output."""
        event = _event(self.plan, noise_multiplier, rounds=rounds)
        return spent([event], delta=self.plan.delta)

    def in_lifetime(self, noise_multiplier: float, rounds: int) -> PrivacySpent:
        """The cost of the ledger and the run together."""
        event = _event(self.plan, noise_multiplier, rounds=rounds)
        if not self.earlier:
            return spent([event], delta=self.budget.delta)
        return privacy_filter.bound(self.budget, [*self.earlier, event])

    def most_rounds(self, noise_multiplier: float) -> int:
        """The most affordable rounds, by bisection: more rounds cost more."""

        def is_too_much(rounds: int) -> bool:
            alone = self.alone(noise_multiplier, rounds)
            return alone.epsilon > self.plan.epsilon or not self.budget.covers(
                self.in_lifetime(noise_multiplier, rounds)
            )

        return bisect.bisect_left(
            range(1, self.plan.rounds + 1), x=True, key=is_too_much
        )

    def least_noise_multiplier(self) -> float | None:
        """The least noise under which all rounds are affordable, or None."""
        plan = self.plan
        try:
            alone = calibrate_noise_multiplier(
                epsilon=plan.epsilon,
                delta=plan.delta,
                sampling_probability=plan.sampling_probability,
                steps=plan.planned_steps,
            )
        except PrivacyError:
            return None
        if self.budget.covers(self.in_lifetime(alone, plan.rounds)):
            return alone
        in_lifetime = smallest_noise_multiplier(
            lambda noise: self.in_lifetime(noise, plan.rounds).epsilon,
            epsilon=self.budget.epsilon,
            guess=alone,
        )
        return None if in_lifetime is None else max(alone, in_lifetime)

    def is_beyond_filter(self, noise_multiplier: float, rounds: int) -> bool:
        """Whether only the tight accountant admits these rounds."""
        event = _event(self.plan, noise_multiplier, rounds=rounds)
        return not privacy_filter.admits(self.budget, [*self.earlier, event])
