"""What must hold after any fault; every check names its invariant.

They read the file with plain SQLite, so that a fault in the code of the ledger cannot
hide itself; only the chain is looked at by the owner's own report. ``violations`` is
empty where everything holds.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.owner.ledger_report import verify
from client.storage.store import Store
from common.envelope import Envelope, MessageKind
from common.errors import LedgerCorruptedError
from tests.client.support import POLICY

RELEASE = "no release without a charge on disk"
CHARGE = "no round charged twice"
LOSS = "no acknowledged record lost"
STEPS = "private steps in the committed weights = steps charged"
CHAIN = "the ledger's chain verifies"
NAMES = (RELEASE, CHARGE, LOSS, STEPS, CHAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an undisturbed custodian with the same seed ended.

    Attributes:
        weights: the committed student's bytes.
        charges: (round, private steps) in the order of their charges.
    """

    weights: bytes
    charges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """One dataset id's rows as they are on disk.

    Attributes:
        rows: (entry number, kind, content, SHA-256), in order.
        weights: of every stored student.
    """

    rows: tuple[tuple[int, str, dict[str, Any], str], ...]
    weights: tuple[bytes, ...]

    @classmethod
    def of(cls, store: Path) -> LedgerRows:
        """Returns the rows in a store; none before its ledger was first used."""
        with closing(sqlite3.connect(store)) as connection:
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE name = 'ledger_entries'"
            ).fetchall()
            if not tables:
                return cls((), ())
            found = connection.execute(
                "SELECT entry_number, kind, content, sha256 FROM ledger_entries "
                "ORDER BY entry_number"
            ).fetchall()
            students = connection.execute("SELECT weights FROM students").fetchall()
        return cls(
            tuple((row[0], row[1], json.loads(row[2]), row[3]) for row in found),
            tuple(bytes(row[0]) for row in students),
        )

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Returns the contents of one kind of entry, in order."""
        return [content for _, found, content, _ in self.rows if found == kind]

    def charges(self) -> tuple[tuple[int, int], ...]:
        """Returns (round, private steps) in the order of the charges."""
        return tuple(
            (one["round_number"], one["steps"]) for one in self.of_kind("reservation")
        )


def violations(
    store: Path, replies: list[bytes], ending: Ending | None
) -> list[tuple[str, str]]:
    """Returns (invariant, what breaks it), empty where everything holds.

    Args:
        store: of a custodian that is not running.
        replies: every reply that reached the client, refusals too.
        ending: of an undisturbed custodian; None where the run did not end.
    """
    disk = LedgerRows.of(store)
    answered = [Envelope.from_bytes(reply) for reply in replies]
    found = [(RELEASE, one) for one in _released_for_nothing(disk, replies)]
    found += [(CHARGE, one) for one in _charged_twice(disk)]
    found += [(LOSS, one) for one in _lost(disk, answered)]
    found += [(CHAIN, one) for one in _unbelievable(store)]
    if ending is not None:
        found += [(STEPS, one) for one in _other_steps(disk, ending)]
    return found


def _released_for_nothing(disk: LedgerRows, replies: list[bytes]) -> Iterator[str]:
    settled = {one["reply_sha256"] for one in disk.of_kind("settlement")}
    reserved = {one["round_number"] for one in disk.of_kind("reservation")}
    for reply in replies:
        envelope = Envelope.from_bytes(reply)
        if not _is_answered_round(envelope):
            continue
        number = envelope.fields["round_number"]
        if number not in reserved:
            yield f"round {number} was answered and never charged"
        if hashlib.sha256(reply).hexdigest() not in settled:
            yield f"no settlement names the reply of round {number}"


def _charged_twice(disk: LedgerRows) -> Iterator[str]:
    charges = Counter(
        (one["run_id"], one["round_number"]) for one in disk.of_kind("reservation")
    )
    for (run_id, number), count in charges.items():
        if count > 1:
            yield f"round {number} of run {run_id} was charged {count} times"


def _lost(disk: LedgerRows, answered: list[Envelope]) -> Iterator[str]:
    said = max(
        (int(one.fields.get("ledger_entries", 0)) for one in answered), default=0
    )
    if len(disk.rows) < said:
        yield f"a reply spoke of {said} entries and {len(disk.rows)} are on disk"
    numbers = [row[0] for row in disk.rows]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"entries are numbered {numbers}"
    settled = {one["round_number"] for one in disk.of_kind("settlement")}
    for one in filter(_is_answered_round, answered):
        if one.fields["round_number"] not in settled:
            yield f"the settlement of round {one.fields['round_number']} is gone"


def _other_steps(disk: LedgerRows, ending: Ending) -> Iterator[str]:
    if disk.charges() != ending.charges:
        yield f"charged {disk.charges()}, an undisturbed run {ending.charges}"
    if ending.weights not in disk.weights:
        yield "the weights are not those of an undisturbed run with this seed"


def _unbelievable(store: Path) -> Iterator[str]:
    """What the owner would read of ``fedstill site ledger verify``."""
    opened = Store(store, read_only=True)
    try:
        verify(opened, POLICY)
    except LedgerCorruptedError as error:
        yield str(error)
    finally:
        opened.close()


def _is_answered_round(envelope: Envelope) -> bool:
    return envelope.kind is MessageKind.ROUND and "refusal" not in envelope.fields
