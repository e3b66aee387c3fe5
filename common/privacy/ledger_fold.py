"""From entries to what they amount to: plans and reservations.

Order matters: a plan comes before its reservations, a reservation before its
settlement, and nothing of a run comes twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from common.privacy.ledger_entries import LedgerEntry
from common.privacy.ledger_json import from_content
from common.privacy.ledger_rows import (
    Closing,
    CommittedPlan,
    LedgerContent,
    Reservation,
    Settlement,
)


def fold(before: LedgerContent, entries: Iterable[LedgerEntry]) -> LedgerContent:
    """Returns a ledger's content after some further entries.

    Raises:
        ValueError: an entry contradicts those before it, or cannot be read.
        TypeError: a field of another type.
    """
    tally = _Tally(before)
    for entry in entries:
        tally.add(entry)
    return LedgerContent(
        plans=tuple(tally.plans.values()),
        reservations=tuple(tally.reservations.values()),
    )


class _Tally:
    """Plans by run and reservations by run and round, in the order of the entries."""

    def __init__(self, before: LedgerContent) -> None:
        self.plans = {plan.run_id: plan for plan in before.plans}
        self.reservations = {
            (one.run_id, one.round_number): one for one in before.reservations
        }

    def add(self, entry: LedgerEntry) -> None:
        """Takes one entry."""
        value = from_content(entry.kind, entry.content)
        where = f"entry {entry.number}: run {value.run_id!r}"
        match value:
            case CommittedPlan():
                self._commit(value, where)
            case Reservation():
                self._reserve(value, f"{where}, round {value.round_number},")
            case Settlement():
                self._settle(value, f"{where}, round {value.round_number},")
            case Closing():
                self._close(value, where)

    def _commit(self, plan: CommittedPlan, where: str) -> None:
        if plan.run_id in self.plans:
            raise ValueError(f"{where} is committed twice.")
        self.plans[plan.run_id] = plan

    def _reserve(self, one: Reservation, where: str) -> None:
        plan = self._plan(one.run_id, where)
        key = (one.run_id, one.round_number)
        if key in self.reservations:
            raise ValueError(f"{where} is reserved twice.")
        if plan.is_closed:
            raise ValueError(f"{where} is reserved after the plan was closed.")
        if plan.event is None or one.event != plan.event:
            raise ValueError(f"{where} is not what the run committed to.")
        self.reservations[key] = replace(one, event=plan.event)

    def _settle(self, settlement: Settlement, where: str) -> None:
        key = (settlement.run_id, settlement.round_number)
        reserved = self.reservations.get(key)
        if reserved is None:
            raise ValueError(f"{where} was settled and never reserved.")
        if reserved.is_settled:
            raise ValueError(f"{where} was settled twice.")
        self.reservations[key] = replace(
            reserved,
            new_weights_sha256=settlement.weights_sha256,
            reply_sha256=settlement.reply_sha256,
        )

    def _close(self, closing: Closing, where: str) -> None:
        plan = self._plan(closing.run_id, where)
        if plan.is_closed:
            raise ValueError(f"{where} is closed twice.")
        self.plans[closing.run_id] = replace(plan, is_closed=True)

    def _plan(self, run_id: str, where: str) -> CommittedPlan:
        plan = self.plans.get(run_id)
        if plan is None:
            raise ValueError(f"{where} has no plan.")
        return plan
