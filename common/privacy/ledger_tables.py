"""The ledger's SQLite tables: rows are inserted and read, never changed or deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from common.errors import LedgerCorruptedError
from common.privacy.commitment import Commitment
from common.privacy.events import Adjacency, Mechanism, PrivacyEvent, PrivacyUnit
from common.privacy.ledger_rows import CommittedPlan, LedgerContent, Reservation

_TABLES = (
    """CREATE TABLE IF NOT EXISTS ledger_plans (
        dataset_id TEXT NOT NULL,
        plan_number INTEGER NOT NULL,
        run_id TEXT NOT NULL,
        plan_id TEXT NOT NULL,
        rounds INTEGER NOT NULL,
        epsilon REAL NOT NULL,
        delta REAL NOT NULL,
        is_indivisible INTEGER NOT NULL,
        is_first INTEGER NOT NULL,
        mechanism TEXT,
        noise_multiplier REAL,
        sampling_probability REAL,
        steps INTEGER,
        unit TEXT,
        adjacency TEXT,
        PRIMARY KEY (dataset_id, plan_number),
        UNIQUE (dataset_id, run_id)
    )""",
    """CREATE TABLE IF NOT EXISTS ledger_closed_plans (
        dataset_id TEXT NOT NULL,
        run_id TEXT NOT NULL,
        PRIMARY KEY (dataset_id, run_id)
    )""",
    """CREATE TABLE IF NOT EXISTS ledger_reservations (
        dataset_id TEXT NOT NULL,
        entry_number INTEGER NOT NULL,
        run_id TEXT NOT NULL,
        round_number INTEGER NOT NULL,
        weights_sha256 TEXT NOT NULL,
        mechanism TEXT NOT NULL,
        noise_multiplier REAL NOT NULL,
        sampling_probability REAL NOT NULL,
        steps INTEGER NOT NULL,
        unit TEXT NOT NULL,
        adjacency TEXT NOT NULL,
        PRIMARY KEY (dataset_id, entry_number),
        UNIQUE (dataset_id, run_id, round_number)
    )""",
    """CREATE TABLE IF NOT EXISTS ledger_settlements (
        dataset_id TEXT NOT NULL,
        run_id TEXT NOT NULL,
        round_number INTEGER NOT NULL,
        weights_sha256 TEXT NOT NULL,
        reply_sha256 TEXT NOT NULL,
        PRIMARY KEY (dataset_id, run_id, round_number)
    )""",
)


class LedgerTables:
    """The rows of one dataset id; arguments and errors are those of ``Ledger``."""

    def __init__(self, connection: sqlite3.Connection, dataset_id: str) -> None:
        if connection.isolation_level is not None:
            raise ValueError("Expected a connection with isolation_level=None.")
        self._connection = connection
        self._dataset_id = dataset_id
        with self._believing():
            # Not executescript, which would commit a transaction of the caller's.
            for table in _TABLES:
                connection.execute(table)

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
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def insert_plan(self, plan: CommittedPlan, *, number: int) -> None:
        """Appends an open plan."""
        commitment = plan.commitment
        values = (
            plan.run_id,
            plan.plan_id,
            commitment.rounds,
            commitment.epsilon,
            commitment.delta,
            commitment.is_indivisible,
            plan.is_first,
        )
        event = (None,) * 6 if plan.event is None else _event_row(plan.event)
        self._insert("ledger_plans", (number, *values, *event))

    def insert_closed_plan(self, run_id: str) -> None:
        """Closes a plan."""
        self._insert("ledger_closed_plans", (run_id,))

    def insert_reservation(self, one: Reservation, *, number: int) -> None:
        """Appends an unsettled reservation."""
        values = (number, one.run_id, one.round_number, one.weights_sha256)
        self._insert("ledger_reservations", (*values, *_event_row(one.event)))

    def insert_settlement(
        self, run_id: str, round_number: int, weights_sha256: str, reply_sha256: str
    ) -> None:
        """Settles a reservation."""
        values = (run_id, round_number, weights_sha256, reply_sha256)
        self._insert("ledger_settlements", values)

    def _insert(self, table: str, values: tuple[object, ...]) -> None:
        row = (self._dataset_id, *values)
        marks = ", ".join("?" * len(row))
        self._connection.execute(
            f"INSERT INTO {table} VALUES ({marks})",  # noqa: S608 - our own names
            row,
        )

    def read(self) -> LedgerContent:
        """Returns all rows, checked against one another.

        Raises:
            LedgerCorruptedError: the file or a row cannot be believed.
        """
        with self._believing():
            reservations = self._reservations()
            self._require_settled(sum(one.is_settled for one in reservations))
            return LedgerContent(plans=self._plans(), reservations=reservations)

    def corrupted(self, problem: str) -> LedgerCorruptedError:
        """Returns the error about a ledger that cannot be believed."""
        return LedgerCorruptedError(
            f"The ledger of dataset id {self._dataset_id!r} cannot be believed: "
            f"{problem} Nothing is spent or released on its word."
        )

    @contextmanager
    def _believing(self) -> Iterator[None]:
        """Turns what is wrong with file or rows into one kind of error."""
        try:
            yield
        except sqlite3.OperationalError:
            raise  # locked or unwritable: says nothing about the rows
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise self.corrupted(f"{str(error).rstrip('.')}.") from error

    def _select(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, (self._dataset_id,)).fetchall()

    def _plans(self) -> tuple[CommittedPlan, ...]:
        rows = self._select(
            "SELECT plan_number, run_id, plan_id, rounds, epsilon, delta, "
            "is_indivisible, is_first, c.run_id IS NOT NULL, mechanism, "
            "noise_multiplier, sampling_probability, steps, unit, adjacency "
            "FROM ledger_plans "
            "LEFT JOIN ledger_closed_plans c USING (dataset_id, run_id) "
            "WHERE dataset_id = ? ORDER BY plan_number"
        )
        _require_numbered("plans", (row[0] for row in rows))
        return tuple(_plan(row) for row in rows)

    def _reservations(self) -> tuple[Reservation, ...]:
        rows = self._select(
            "SELECT entry_number, run_id, round_number, r.weights_sha256, "
            "s.weights_sha256, reply_sha256, mechanism, noise_multiplier, "
            "sampling_probability, steps, unit, adjacency "
            "FROM ledger_reservations r LEFT JOIN ledger_settlements s "
            "USING (dataset_id, run_id, round_number) "
            "WHERE dataset_id = ? ORDER BY entry_number"
        )
        _require_numbered("entries", (row[0] for row in rows))
        return tuple(_reservation(row) for row in rows)

    def _require_settled(self, count: int) -> None:
        query = "SELECT count(*) FROM ledger_settlements WHERE dataset_id = ?"
        if self._select(query) != [(count,)]:
            raise ValueError("a round was settled that was never reserved.")


def _require_numbered(what: str, numbers: Iterable[int]) -> None:
    found = list(numbers)
    if found != list(range(1, len(found) + 1)):
        raise ValueError(f"its {what} are numbered {found}.")


def _event_row(event: PrivacyEvent) -> tuple[object, ...]:
    numbers = (event.noise_multiplier, event.sampling_probability, event.steps)
    return event.mechanism.value, *numbers, event.unit.value, event.adjacency.value


def _event(row: tuple[Any, ...]) -> PrivacyEvent:
    return PrivacyEvent(
        mechanism=Mechanism(row[0]),
        noise_multiplier=row[1],
        sampling_probability=row[2],
        steps=row[3],
        unit=PrivacyUnit(row[4]),
        adjacency=Adjacency(row[5]),
    )


def _plan(row: tuple[Any, ...]) -> CommittedPlan:
    event = None if row[9] is None else _event(row[9:])
    return CommittedPlan(
        run_id=row[1],
        plan_id=row[2],
        commitment=Commitment(
            noise_multiplier=0.0 if event is None else event.noise_multiplier,
            rounds=row[3],
            epsilon=row[4],
            delta=row[5],
            is_indivisible=bool(row[6]),
        ),
        event=event,
        is_first=bool(row[7]),
        is_closed=bool(row[8]),
    )


def _reservation(row: tuple[Any, ...]) -> Reservation:
    return Reservation(
        run_id=row[1],
        round_number=row[2],
        weights_sha256=row[3],
        new_weights_sha256=row[4],
        reply_sha256=row[5],
        event=_event(row[6:]),
    )
