"""A ledger's content as values, and whether it can be believed.

Entries say some things twice: a reservation repeats its plan's parameters, and no plan
has more reservations than rounds. What contradicts itself is refused, so that a forged
or half-copied ledger stops a site and never grants it a budget.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from common import checks
from common.privacy import filter as privacy_filter
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget, PrivacySpent
from common.privacy.commitment import Commitment
from common.privacy.events import PrivacyEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedPlan:
    """What a dataset id has committed to one run.

    Attributes:
        run_id: our own run id.
        plan_id: content id of the run plan.
        commitment: decided at hello.
        event: what one private round spends; None without private rounds.
        is_first: whether nothing was counted before it, so that the tight accountant
            alone decided.
        is_closed: whether no further round may be reserved.
    """

    run_id: str
    plan_id: str
    commitment: Commitment
    event: PrivacyEvent | None
    is_first: bool
    is_closed: bool = False

    def __post_init__(self) -> None:
        checks.non_empty(run_id=self.run_id, plan_id=self.plan_id)
        if (self.event is None) != (self.commitment.rounds == 0):
            raise ValueError(f"run {self.run_id!r} has rounds without an event.")

    def counted(self, reserved_rounds: int) -> PrivacyEvent | None:
        """Returns what the plan has spent or may spend yet, as one event."""
        spends_all = not self.is_closed or (
            self.commitment.is_indivisible and reserved_rounds > 0
        )
        rounds = self.commitment.rounds if spends_all else reserved_rounds
        if self.event is None or rounds == 0:
            return None
        return replace(self.event, steps=rounds * self.event.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One round's charge.

    Attributes:
        run_id: our own run id.
        round_number: counted from 1.
        event: what is charged, settled or not.
        weights_sha256: the student's weights before the round; a retry starts again
            from them.
        new_weights_sha256: the weights that settled it, or None.
        reply_sha256: the reply that settled it, or None.
    """

    run_id: str
    round_number: int
    event: PrivacyEvent
    weights_sha256: str
    new_weights_sha256: str | None = None
    reply_sha256: str | None = None

    def __post_init__(self) -> None:
        checks.positive(round_number=self.round_number)
        checks.non_empty(run_id=self.run_id, weights_sha256=self.weights_sha256)

    @property
    def is_settled(self) -> bool:
        """Whether new weights and reply are durable."""
        return self.reply_sha256 is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a reservation led to.

    Attributes:
        run_id: our own run id.
        round_number: counted from 1.
        weights_sha256: the student's weights after the round.
        reply_sha256: the bytes that may be released.
    """

    run_id: str
    round_number: int
    weights_sha256: str
    reply_sha256: str

    def __post_init__(self) -> None:
        checks.positive(round_number=self.round_number)
        checks.non_empty(
            run_id=self.run_id,
            weights_sha256=self.weights_sha256,
            reply_sha256=self.reply_sha256,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The end of a run's plan.

    Attributes:
        run_id: our own run id.
    """

    run_id: str

    def __post_init__(self) -> None:
        checks.non_empty(run_id=self.run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerContent:
    """Everything about one dataset id, in order, and free of contradictions.

    Attributes:
        plans: in the order of their hellos.
        reservations: in the order of their charges.

    Raises:
        ValueError: plans and reservations contradict one another.
    """

    plans: tuple[CommittedPlan, ...] = ()
    reservations: tuple[Reservation, ...] = ()

    def __post_init__(self) -> None:
        plans = {plan.run_id: plan for plan in self.plans}
        for one in self.reservations:
            event = plans[one.run_id].event if one.run_id in plans else None
            # "is" spares a long ledger most comparisons: the fold shares its events.
            if event is None or (one.event is not event and one.event != event):
                raise ValueError(
                    f"round {one.round_number} of run {one.run_id!r} is not what the "
                    "run committed to."
                )
        for run_id, reserved in self._reserved_rounds().items():
            if reserved > plans[run_id].commitment.rounds:
                raise ValueError(
                    f"run {run_id!r} reserved {reserved} rounds of "
                    f"{plans[run_id].commitment.rounds}."
                )

    def plan(self, run_id: str) -> CommittedPlan | None:
        """Returns what was committed to a run, or None."""
        return next((plan for plan in self.plans if plan.run_id == run_id), None)

    def reservations_of(self, run_id: str | None) -> list[Reservation]:
        """Returns the charges of one run, or all of them."""
        return [one for one in self.reservations if run_id in (None, one.run_id)]

    def reservation(self, run_id: str, round_number: int) -> Reservation | None:
        """Returns the charge of one round, or None."""
        charges = self.reservations_of(run_id)
        return next((one for one in charges if one.round_number == round_number), None)

    @property
    def counted(self) -> list[PrivacyEvent]:
        """What a further plan is decided against: one event a counted plan."""
        reserved = self._reserved_rounds()
        events = (plan.counted(reserved[plan.run_id]) for plan in self.plans)
        return [event for event in events if event is not None]

    def lifetime_spent(self, budget: PrivacyBudget) -> PrivacySpent:
        """Returns what all charges cost, as a promise, at the budget's delta.

        One run by the tight accountant, several by the filter.
        """
        events = [one.event for one in self.reservations]
        return _promised(events, budget, runs=len(self._reserved_rounds()))

    def counted_spent(self, budget: PrivacyBudget) -> PrivacySpent:
        """Returns the same of what is counted: open plans as if they had spent all."""
        return _promised(self.counted, budget, runs=len(self.counted))

    def _reserved_rounds(self) -> Counter[str]:
        return Counter(one.run_id for one in self.reservations)


def _promised(
    events: list[PrivacyEvent], budget: PrivacyBudget, *, runs: int
) -> PrivacySpent:
    if runs > 1:
        return privacy_filter.bound(budget, events)
    return spent(events, delta=budget.delta)
