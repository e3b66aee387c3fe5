"""What a site keeps on disk: students, outbox and ledger in one SQLite file.

One file, so that one transaction makes new weights, reply and settlement durable
together. Several sites of a simulation share a file; every row carries its dataset id.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from client.storage.outbox import Outbox
from client.storage.store_file import open_connection
from common.errors import LedgerCorruptedError
from common.privacy.ledger import Ledger
from common.privacy.ledger_transaction import transaction
from common.run_plan import RunPlan
from common.weights import sha256

BUSY_TIMEOUT_SECONDS = 60.0
_KEY_BYTES = 32
_TABLES = """
CREATE TABLE IF NOT EXISTS students (
    dataset_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    plan TEXT NOT NULL,
    last_round INTEGER NOT NULL,
    weights_sha256 TEXT NOT NULL,
    weights BLOB NOT NULL,
    PRIMARY KEY (dataset_id, run_id)
);
CREATE TABLE IF NOT EXISTS fingerprints (
    dataset_id TEXT PRIMARY KEY,
    key BLOB NOT NULL,
    fingerprint TEXT
);
"""


class Durability(Enum):
    """What a commit survives: the value is SQLite's ``synchronous``."""

    OFF = "OFF"  # a killed process; for simulations
    FULL = "FULL"  # a power cut; for custodians


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentRow:
    """A site's student in one run, as last committed.

    Attributes:
        plan: the run plan of the hello.
        last_round: the last round that was answered, 0 before the first.
        weights_sha256: names the weights.
        weights: safetensors bytes.
    """

    plan: RunPlan
    last_round: int
    weights_sha256: str
    weights: bytes = field(repr=False)


class Store:
    """One SQLite file.

    Every error of SQLite is told in words, here and through ``connection``:
    LedgerUnavailableError where the file cannot be read or written now,
    LedgerCorruptedError where it cannot be believed, LedgerRolledBackError where
    another file was put in its place.

    Args:
        path: file to open or create; its folder must exist.
        durability: what a commit survives.
        read_only: whether nothing is written or created, for status, report and export
            beside a custodian at work.

    Raises:
        LedgerCorruptedError: the file is no SQLite database, is torn, or was made by
            an older version.
        LedgerUnavailableError: the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: Durability = Durability.FULL,
        read_only: bool = False,
    ) -> None:
        self._read_only = read_only
        self._ledgers: dict[str, Ledger] = {}
        self.connection = open_connection(
            path,
            timeout=BUSY_TIMEOUT_SECONDS,
            synchronous=durability.value,
            read_only=read_only,
        )
        try:
            if not read_only:
                self.connection.executescript(_TABLES)
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()

    def ledger(self, dataset_id: str) -> Ledger:
        """Returns the privacy ledger of a dataset id, on this connection.

        The same one each time: it remembers what it has verified.
        """
        if dataset_id not in self._ledgers:
            self._ledgers[dataset_id] = Ledger(
                self.connection, dataset_id, read_only=self._read_only
            )
        return self._ledgers[dataset_id]

    def outbox(self, dataset_id: str) -> Outbox:
        """Returns the outbox of a dataset id, on this connection."""
        return Outbox(self.connection, dataset_id)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes everything inside visible and durable together, or not at all."""
        with transaction(self.connection):
            yield
        for ledger in self._ledgers.values():
            ledger.remember()

    def open_run(self, dataset_id: str, plan: RunPlan, weights: bytes) -> None:
        """Stores plan and initial weights of a run, unless it is open already."""
        self.connection.execute(
            "INSERT OR IGNORE INTO students VALUES (?, ?, ?, 0, ?, ?)",
            (
                dataset_id,
                plan.run_id,
                json.dumps(plan.to_fields(), sort_keys=True),
                sha256(weights),
                weights,
            ),
        )

    def student(self, dataset_id: str, run_id: str) -> StudentRow | None:
        """Returns the student of a run, or None before its hello.

        Raises:
            LedgerCorruptedError: the weights are not those that the row names.
        """
        row = self.connection.execute(
            "SELECT plan, last_round, weights_sha256, weights FROM students "
            "WHERE dataset_id = ? AND run_id = ?",
            (dataset_id, run_id),
        ).fetchone()
        if row is None:
            return None
        plan, last_round, name, weights = row
        if sha256(weights) != name:
            raise LedgerCorruptedError(
                f"The stored weights of run {run_id!r} are not those that their row "
                "names. The site answers nothing in this run."
            )
        return StudentRow(
            plan=RunPlan.from_fields(json.loads(plan)),
            last_round=last_round,
            weights_sha256=name,
            weights=weights,
        )

    def advance(
        self, dataset_id: str, before: StudentRow, *, last_round: int, weights: bytes
    ) -> None:
        """Replaces a run's weights, inside the caller's transaction.

        Raises:
            LedgerCorruptedError: the stored student is no longer ``before``: another
                process answered in between.
        """
        changed = self.connection.execute(
            "UPDATE students SET last_round = ?, weights_sha256 = ?, weights = ? "
            "WHERE dataset_id = ? AND run_id = ? AND last_round = ? "
            "AND weights_sha256 = ?",
            (
                last_round,
                sha256(weights),
                weights,
                dataset_id,
                before.plan.run_id,
                before.last_round,
                before.weights_sha256,
            ),
        ).rowcount
        if changed != 1:
            raise LedgerCorruptedError(
                f"The student of run {before.plan.run_id!r} changed while a round was "
                "worked on. Nothing was released."
            )

    def fingerprint_key(self, dataset_id: str) -> bytes:
        """Returns the secret key of a dataset id's fingerprint, made at first use."""
        query = "SELECT key FROM fingerprints WHERE dataset_id = ?"
        if self.connection.execute(query, (dataset_id,)).fetchone() is None:
            self.connection.execute(
                "INSERT OR IGNORE INTO fingerprints VALUES (?, ?, NULL)",
                (dataset_id, os.urandom(_KEY_BYTES)),
            )
        row = self.connection.execute(query, (dataset_id,)).fetchone()
        return bytes(row[0])

    def fingerprint(self, dataset_id: str) -> str | None:
        """Returns the fingerprint that the owner last agreed to, if any."""
        row = self.connection.execute(
            "SELECT fingerprint FROM fingerprints WHERE dataset_id = ?", (dataset_id,)
        ).fetchone()
        return None if row is None else row[0]

    def set_fingerprint(self, dataset_id: str, fingerprint: str) -> None:
        """Remembers the data as they are now; what was spent stays spent."""
        self.connection.execute(
            "UPDATE fingerprints SET fingerprint = ? WHERE dataset_id = ?",
            (fingerprint, dataset_id),
        )
