"""The ledger's rows in SQLite: appended and read, never changed or deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.errors import LedgerCorruptedError, LedgerRolledBackError
from common.privacy import ledger_schema
from common.privacy.ledger_entries import (
    LedgerEntry,
    LedgerHead,
    next_entry,
    verify_chain,
)
from common.privacy.ledger_fold import fold
from common.privacy.ledger_json import Recorded, to_content
from common.privacy.ledger_rows import CommittedPlan, LedgerContent
from common.privacy.ledger_transaction import transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A prefix of the chain that was verified, and what it amounts to."""

    head: LedgerHead = field(default_factory=LedgerHead)
    last: LedgerEntry | None = None
    content: LedgerContent = field(default_factory=LedgerContent)


class LedgerTables:
    """The rows of one dataset id; arguments and errors are those of ``Ledger``.

    What was verified once is remembered, so that reading costs what was appended since;
    the last remembered row must still be there, as it was.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        dataset_id: str,
        *,
        read_only: bool = False,
    ) -> None:
        if connection.isolation_level is not None:
            raise ValueError("Expected a connection with isolation_level=None.")
        self._connection = connection
        self._dataset_id = dataset_id
        self._remembered = _Reading()
        self._has_appended = False
        with self._believing():
            self._is_made = ledger_schema.require_own_schema(connection)
            if not read_only:
                ledger_schema.create(connection)
                self._is_made = ledger_schema.require_own_schema(connection)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on the connection."""
        return self._connection.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Joins the caller's transaction, or is one of its own."""
        if self.in_transaction:
            yield
            return
        with transaction(self._connection):
            yield
        self.remember()

    def remember(self) -> None:
        """Remembers what was appended, now that the transaction is over.

        Else an older copy that lacks it would look like what was remembered before.
        """
        if self._has_appended:
            self._read()
            self._has_appended = False

    def append(self, value: Recorded) -> None:
        """Chains an entry to what is there, inside a transaction."""
        kind, content = to_content(value)
        entry = next_entry(self._dataset_id, self.head(), kind, content)
        self._has_appended = True
        row = (self._dataset_id, entry.number, entry.kind, entry.content, entry.sha256)
        try:
            self._connection.execute(
                "INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?)", row
            )
        except sqlite3.IntegrityError as error:
            raise self.corrupted(f"{error}.") from error

    def read(self) -> LedgerContent:
        """Returns what all entries amount to, checked against one another.

        Raises:
            LedgerCorruptedError: the file or an entry cannot be believed.
            LedgerRolledBackError: entries are gone that were there before.
        """
        return self._read().content

    def require_plan(self, run_id: str) -> CommittedPlan:
        """Returns a run's plan; LedgerCorruptedError if nothing was committed to it."""
        plan = self.read().plan(run_id)
        if plan is None:
            raise self.corrupted(f"run {run_id!r} has no plan.")
        return plan

    def head(self) -> LedgerHead:
        """Returns where the chain ends; errors as in :meth:`read`."""
        return self._read().head

    def entries(self) -> list[LedgerEntry]:
        """Returns every entry in order, all verified; errors as in :meth:`read`."""
        with self._believing():
            entries = self._select_from(number=None)
            verify_chain(self._dataset_id, entries, after=LedgerHead())
            fold(LedgerContent(), entries)
        return entries

    def head_at(self, number: int) -> LedgerHead | None:
        """Returns where the chain ended after so many entries; None if it is shorter.

        Errors as in :meth:`read`.
        """
        if number > self.head().entries:
            return None
        if number == 0:
            return LedgerHead()
        (entry,) = self._select_from(number=number, limit=1)
        return LedgerHead(entries=number, sha256=entry.sha256)

    def corrupted(self, problem: str) -> LedgerCorruptedError:
        """Returns the error about a ledger that cannot be believed."""
        return LedgerCorruptedError(
            f"The ledger of dataset id {self._dataset_id!r} cannot be believed: "
            f"{problem} Nothing is spent or released on its word."
        )

    def rolled_back(self, problem: str) -> LedgerRolledBackError:
        """Returns the error about a ledger that lacks what it once held."""
        return LedgerRolledBackError(
            f"The ledger of dataset id {self._dataset_id!r} was rolled back: {problem} "
            "It is an older copy, or another one. Put the newest one back; with what "
            "is here, nothing is spent or released."
        )

    def _read(self) -> _Reading:
        remembered = self._remembered
        with self._believing():
            entries = self._select_from(number=remembered.head.entries or None)
            if remembered.last is not None:
                self._require_remembered(remembered.last, entries[:1])
                entries = entries[1:]
            if not entries:
                return remembered
            reading = _Reading(
                head=verify_chain(self._dataset_id, entries, after=remembered.head),
                last=entries[-1],
                content=fold(remembered.content, entries),
            )
        if not self.in_transaction:  # or a rollback would look like one of the file
            self._remembered = reading
        return reading

    def _require_remembered(self, last: LedgerEntry, found: list[LedgerEntry]) -> None:
        """Raises unless the last entry that was verified is there, unchanged."""
        if found == [last]:
            return
        entries = self.entries()  # raises where the chain itself is broken
        if len(entries) < last.number:
            raise self.rolled_back(
                f"it had {last.number} entries and has {len(entries)}."
            )
        raise self.rolled_back(f"its entry {last.number} is not the one it had.")

    def _select_from(self, *, number: int | None, limit: int = -1) -> list[LedgerEntry]:
        """Returns the entries from a number on, or all; whatever their order says."""
        if not self._is_made:
            return []
        where = "dataset_id = ?" + ("" if number is None else " AND entry_number >= ?")
        rows = self._connection.execute(
            "SELECT entry_number, kind, content, sha256 FROM ledger_entries "  # noqa: S608
            f"WHERE {where} ORDER BY entry_number LIMIT {limit:d}",
            (self._dataset_id,) if number is None else (self._dataset_id, number),
        ).fetchall()
        return [
            LedgerEntry(number=row[0], kind=row[1], content=row[2], sha256=row[3])
            for row in rows
        ]

    @contextmanager
    def _believing(self) -> Iterator[None]:
        """Turns what is wrong with file or rows into one kind of error."""
        try:
            yield
        except sqlite3.OperationalError:
            raise  # locked or unwritable: says nothing about the rows
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise self.corrupted(f"{str(error).rstrip('.')}.") from error
