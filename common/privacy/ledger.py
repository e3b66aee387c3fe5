"""The privacy ledger: every charge against one body of private data, on disk.

Append-only rows in SQLite, keyed by the owner's dataset id: not by run, and not by a
hash of the data, so neither a new run nor edited data bring a new budget. A round is
*reserved*, durably, before the first private row is read, and *settled* in the very
transaction that stores new weights and reply. A reservation that is never settled stays
spent: a crash counts too much, never too little. Rows hold public numbers and hashes of
differentially private outputs, no time and nothing else about the data.
"""

from __future__ import annotations

import sqlite3

from common import checks
from common.errors import BudgetExhaustedError
from common.privacy import filter as privacy_filter
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget, PrivacySpent
from common.privacy.commitment import Commitment
from common.privacy.events import PrivacyEvent
from common.privacy.ledger_rows import CommittedPlan, Reservation
from common.privacy.ledger_tables import LedgerTables
from common.run_plan import RunPlan


class Ledger:
    """The ledger of one dataset id; several may share one file.

    Every method raises LedgerCorruptedError where the rows contradict one another.

    Args:
        connection: in autocommit mode (``isolation_level=None``). Its ``synchronous``
            decides what a reservation survives.
        dataset_id: the owner's name for the private data.

    Raises:
        LedgerCorruptedError: the file is no SQLite database.
        ValueError: the connection opens transactions by itself.
    """

    def __init__(self, connection: sqlite3.Connection, dataset_id: str) -> None:
        checks.non_empty(dataset_id=dataset_id)
        self._tables = LedgerTables(connection, dataset_id)

    def commit_plan(self, plan: RunPlan, commitment: Commitment) -> CommittedPlan:
        """Commits the dataset id to a plan, which counts as spent until it is closed.

        Joins the caller's transaction where one is open: so can
        :meth:`committed_events`, the decision and this call be one.

        Returns:
            The committed plan; the one that is there if it has the same content.

        Raises:
            LedgerCorruptedError: the run has committed to something else. A plan is
                immutable; nothing was written.
        """
        with self._tables.transaction():
            content = self._tables.read()
            known = content.plan(plan.run_id)
            if known is None:
                known = CommittedPlan(
                    run_id=plan.run_id,
                    plan_id=plan.content_id,
                    commitment=commitment,
                    event=commitment.event_per_round(plan),
                    is_first=not content.counted,
                )
                self._tables.insert_plan(known, number=len(content.plans) + 1)
            elif (known.plan_id, known.commitment) != (plan.content_id, commitment):
                raise self._tables.corrupted(
                    f"run {plan.run_id!r} is committed to another plan."
                )
        return known

    def plan(self, run_id: str) -> CommittedPlan | None:
        """Returns what was committed to a run, or None before its hello."""
        return self._tables.read().plan(run_id)

    def close_plan(self, run_id: str) -> None:
        """Ends a run: no further round is reserved, unreserved ones are released.

        Idempotent; joins the caller's transaction where one is open. An indivisible
        commitment with a reservation stays spent whole.

        Raises:
            LedgerCorruptedError: the run has no plan.
        """
        with self._tables.transaction():
            plan = self._require_plan(self.plan(run_id), run_id)
            if not plan.is_closed:
                self._tables.insert_closed_plan(run_id)

    def reserve(
        self, run_id: str, round_number: int, event: PrivacyEvent, weights_sha256: str
    ) -> Reservation:
        """Charges a round, durably, before any private row is read.

        Idempotent: a round that is reserved already is not charged again, and the
        weights that its reservation names are those to start from.

        Args:
            run_id: our own run id, with a committed plan.
            round_number: counted from 1.
            event: what the round spends, as committed.
            weights_sha256: the student's weights before the round.

        Raises:
            BudgetExhaustedError: the committed rounds are used up or the plan is
                closed; nothing was written.
            LedgerCorruptedError: the event is not the committed one, or the run has no
                plan; nothing was written.
            RuntimeError: a transaction is open, so nothing would be durable.
        """
        charge = Reservation(
            run_id=run_id,
            round_number=round_number,
            event=event,
            weights_sha256=weights_sha256,
        )
        if self._tables.in_transaction:
            raise RuntimeError("A reservation needs a transaction of its own.")
        with self._tables.transaction():
            content = self._tables.read()
            plan = self._require_plan(content.plan(run_id), run_id)
            if plan.event not in (event, None):
                raise self._tables.corrupted(
                    f"round {round_number} of run {run_id!r} would spend something "
                    "else than the run committed to."
                )
            known = content.reservation(run_id, round_number)
            if known is not None:
                return known
            reserved = len(content.reservations_of(run_id))
            if plan.is_closed or reserved >= plan.commitment.rounds:
                requested = spent([event], delta=plan.commitment.delta)
                raise BudgetExhaustedError(remaining=0.0, requested=requested.epsilon)
            number = len(content.reservations) + 1
            self._tables.insert_reservation(charge, number=number)
        return charge

    def settle(
        self, run_id: str, round_number: int, weights_sha256: str, reply_sha256: str
    ) -> None:
        """Records what a reservation led to, inside the caller's transaction.

        Args:
            run_id: our own run id.
            round_number: a reserved round.
            weights_sha256: the student's weights after the round.
            reply_sha256: the bytes that may now be released.

        Raises:
            LedgerCorruptedError: the round was never reserved, or settled otherwise.
            RuntimeError: no transaction is open, so weights, reply and settlement
                would not become durable together.
        """
        checks.non_empty(weights_sha256=weights_sha256, reply_sha256=reply_sha256)
        if not self._tables.in_transaction:
            raise RuntimeError("A settlement belongs into the release's transaction.")
        known = self.reservation(run_id, round_number)
        if known is None:
            raise self._tables.corrupted(
                f"round {round_number} of run {run_id!r} was never reserved."
            )
        if not known.is_settled:
            self._tables.insert_settlement(
                run_id, round_number, weights_sha256, reply_sha256
            )
        elif (known.new_weights_sha256, known.reply_sha256) != (
            weights_sha256,
            reply_sha256,
        ):
            raise self._tables.corrupted(
                f"round {round_number} of run {run_id!r} was settled otherwise."
            )

    def reservation(self, run_id: str, round_number: int) -> Reservation | None:
        """Returns a round's reservation, or None."""
        return self._tables.read().reservation(run_id, round_number)

    def events(self, run_id: str | None = None) -> list[PrivacyEvent]:
        """Returns every charge in order, settled or not; of one run if named."""
        return [one.event for one in self._tables.read().reservations_of(run_id)]

    def committed_events(self) -> list[PrivacyEvent]:
        """Returns what a further plan is decided against: one event a counted plan.

        Open plans count whole, closed ones what was reserved.
        """
        return self._tables.read().counted

    def entry_count(self) -> int:
        """Returns the number of charges, a public fact."""
        return len(self._tables.read().reservations)

    def spent(self, *, delta: float, run_id: str | None = None) -> PrivacySpent:
        """Returns what the charges cost by the tight accountant, composed.

        For one run this is its promise. Over several runs it is what an auditor finds
        for the same events planned in advance; the promise is :meth:`lifetime_spent`.
        """
        return spent(self.events(run_id), delta=delta)

    def lifetime_spent(self, budget: PrivacyBudget) -> PrivacySpent:
        """Returns what all charges cost, as a promise, at the budget's delta.

        One run by the tight accountant, several by the filter.
        """
        charges = self._tables.read().reservations
        events = [one.event for one in charges]
        if len({one.run_id for one in charges}) > 1:
            return privacy_filter.bound(budget, events)
        return spent(events, delta=budget.delta)

    def _require_plan(self, plan: CommittedPlan | None, run_id: str) -> CommittedPlan:
        if plan is None:
            raise self._tables.corrupted(f"run {run_id!r} has no plan.")
        return plan
