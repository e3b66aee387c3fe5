"""Ledgers to test with: filled as a site does it, edited and forged by others."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from common.privacy.commitment import Commitment, decide
from common.privacy.events import PrivacyEvent
from common.privacy.ledger import Ledger
from common.privacy.ledger_entries import EntryKind, LedgerHead, next_entry
from common.run_plan import RunPlan
from tests.common.privacy.builders import budget, plan

DATASET = "records"
BEFORE, AFTER, REPLY = "before" * 10, "after" * 12, "reply" * 12
_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


def open_ledger(path: Path, dataset_id: str = DATASET) -> Ledger:
    """The ledger on a new connection, as a restarted process opens it."""
    return Ledger(sqlite3.connect(path, isolation_level=None), dataset_id)


def commit(
    ledger: Ledger, run_id: str = "run-a", *, lifetime: float = 4.0, **changes: object
) -> tuple[RunPlan, Commitment]:
    """Decides and commits a plan, as a site does at hello."""
    asked = plan(run_id=run_id, **changes)
    commitment = decide(
        asked, budget=budget(lifetime), earlier=ledger.committed_events()
    )
    ledger.commit_plan(asked, commitment)
    return asked, commitment


def event_of(ledger: Ledger, run_id: str = "run-a") -> PrivacyEvent:
    """What one round of a committed run spends."""
    committed = ledger.plan(run_id)
    assert committed is not None
    assert committed.event is not None
    return committed.event


def reserve(ledger: Ledger, rounds: range, run_id: str = "run-a") -> None:
    """Charges some rounds."""
    for round_number in rounds:
        ledger.reserve(run_id, round_number, event_of(ledger, run_id), BEFORE)


def settle(
    ledger: Ledger, round_number: int = 1, reply: str = REPLY, run_id: str = "run-a"
) -> None:
    """Settles a round, in a transaction that has nothing else in it."""
    with ledger._tables.transaction():
        ledger.settle(run_id, round_number, AFTER, reply)


def fill(ledger: Ledger) -> None:
    """Five entries: a plan, two charges, the settlement of the first, a closing."""
    commit(ledger)
    reserve(ledger, range(1, 3))
    settle(ledger)
    ledger.close_plan("run-a")


def edit(path: Path, *statements: str) -> None:
    """Changes the file as somebody who can write it, and knows how, would do."""
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute(_TRIGGERS).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def forge(
    path: Path, change: Callable[[list[tuple[str, dict]]], list[tuple[str, dict]]]
) -> None:
    """Rewrites the ledger's contents and chains them anew, as an expert would."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT kind, content FROM ledger_entries ORDER BY entry_number"
        ).fetchall()
    edit(path, "DELETE FROM ledger_entries")
    head = LedgerHead()
    with sqlite3.connect(path) as connection:
        for kind, fields in change([(row[0], json.loads(row[1])) for row in rows]):
            content = json.dumps(fields, sort_keys=True, separators=(",", ":"))
            entry = next_entry(DATASET, head, EntryKind(kind), content)
            head = LedgerHead(entries=entry.number, sha256=entry.sha256)
            connection.execute(
                "INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?)",
                (DATASET, entry.number, entry.kind, entry.content, entry.sha256),
            )


def rows_of(path: Path) -> list[tuple[object, ...]]:
    """All rows of a file's ledgers."""
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT * FROM ledger_entries").fetchall()
