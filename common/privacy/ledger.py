"""The privacy ledger: every charge against one body of private data, on disk.

An append-only, hash-chained table in SQLite, keyed by the owner's dataset id: not by
run, and not by a hash of the data, so neither a new run nor edited data bring a new
budget. A round is *reserved*, durably, before the first private row is read, and
*settled* in the very transaction that stores new weights and reply. A reservation that
is never settled stays spent: a crash counts too much, never too little. Entries hold
public numbers and hashes of differentially private outputs, no time (no clock can make
it wrong) and nothing else about the data.
"""

from __future__ import annotations

import sqlite3

from common import checks
from common.errors import BudgetExhaustedError
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget, PrivacySpent
from common.privacy.commitment import Commitment
from common.privacy.events import PrivacyEvent
from common.privacy.ledger_entries import LedgerEntry, LedgerHead
from common.privacy.ledger_rows import (
    Closing,
    CommittedPlan,
    LedgerContent,
    Reservation,
    Settlement,
)
from common.privacy.ledger_tables import LedgerTables
from common.run_plan import RunPlan


class Ledger:
    """The ledger of one dataset id; several may share one file.

    Every method raises LedgerCorruptedError where the chain is broken or the entries
    contradict one another, and LedgerRolledBackError where entries are gone that this
    object has seen.

    Args:
        connection: in autocommit mode (``isolation_level=None``). Its ``synchronous``
            decides what a reservation survives.
        dataset_id: the owner's name for the private data.
        read_only: whether nothing is created; a file without a ledger has no entries.

    Raises:
        LedgerCorruptedError: the file is no SQLite database, or its ledger was made
            by an older version.
        ValueError: the connection opens transactions by itself.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        dataset_id: str,
        *,
        read_only: bool = False,
    ) -> None:
        checks.non_empty(dataset_id=dataset_id)
        self.dataset_id = dataset_id
        self._tables = LedgerTables(connection, dataset_id, read_only=read_only)

    def commit_plan(self, plan: RunPlan, commitment: Commitment) -> CommittedPlan:
        """Commits the dataset id to a plan, which counts as spent until it is closed.

        Joins the caller's transaction where one is open: so can
        :meth:`committed_events`, the decision and this call be one.

        Returns:
            The committed plan; the one that is there if it has the same content.

        Raises:
            LedgerCorruptedError: the run has committed to something else.
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
                self._tables.append(known)
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
        """
        with self._tables.transaction():
            plan = self._tables.require_plan(run_id)
            if not plan.is_closed:
                self._tables.append(Closing(run_id=run_id))

    def reserve(
        self, run_id: str, round_number: int, event: PrivacyEvent, weights_sha256: str
    ) -> Reservation:
        """Charges a round, durably, before any private row is read.

        Idempotent: a known round is not charged again, and starts from the weights
        that its reservation names.

        Args:
            run_id: our own run id, with a committed plan.
            round_number: counted from 1.
            event: what the round spends, as committed.
            weights_sha256: the student's weights before the round.

        Raises:
            BudgetExhaustedError: the committed rounds are used up or the plan closed.
            LedgerCorruptedError: no plan, or the event is not the committed one.
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
            plan = self._tables.require_plan(run_id)
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
            self._tables.append(charge)
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
        settlement = Settlement(
            run_id=run_id,
            round_number=round_number,
            weights_sha256=weights_sha256,
            reply_sha256=reply_sha256,
        )
        if not self._tables.in_transaction:
            raise RuntimeError("A settlement belongs into the release's transaction.")
        known = self.reservation(run_id, round_number)
        if known is None:
            raise self._tables.corrupted(
                f"round {round_number} of run {run_id!r} was never reserved."
            )
        settled = (known.new_weights_sha256, known.reply_sha256)
        if not known.is_settled:
            self._tables.append(settlement)
        elif settled != (weights_sha256, reply_sha256):
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

    def content(self) -> LedgerContent:
        """Returns all plans and charges."""
        return self._tables.read()

    def entries(self) -> list[LedgerEntry]:
        """Returns every entry in order, all verified anew from the first on."""
        return self._tables.entries()

    def entry_count(self) -> int:
        """Returns the number of chained entries of all kinds, a public fact."""
        return self.head().entries

    def head(self) -> LedgerHead:
        """Returns where the chain ends."""
        return self._tables.head()

    def head_at(self, entries: int) -> LedgerHead | None:
        """Returns where the chain ended after so many; None if it is shorter."""
        return self._tables.head_at(entries)

    def remember(self) -> None:
        """To be called after a transaction of the caller's, committed or not."""
        self._tables.remember()

    def require_entries(self, count: int) -> None:
        """Raises LedgerRolledBackError where fewer entries are here than were seen."""
        here = self.entry_count()
        if here < count:
            raise self._tables.rolled_back(
                f"a request says that it had {count} entries and has {here}."
            )

    def spent(self, *, delta: float, run_id: str | None = None) -> PrivacySpent:
        """Returns what the charges cost by the tight accountant, composed.

        For one run this is its promise; over several, :meth:`lifetime_spent` is.
        """
        return spent(self.events(run_id), delta=delta)

    def lifetime_spent(self, budget: PrivacyBudget) -> PrivacySpent:
        """Returns what all charges cost, as a promise, at the budget's delta.

        One run by the tight accountant, several by the filter.
        """
        return self._tables.read().lifetime_spent(budget)
