"""The outbox: what was answered stays answered, byte for byte.

Keyed by (dataset id, run id, message kind, round), with the SHA-256 of the canonical
request. A second answer to the same question would be a second release on one charge.
"""

from __future__ import annotations

import sqlite3

from client.refusal import RequestRefusedError
from common.envelope import MessageKind
from common.messages import RefusalReason

_TABLE = """
CREATE TABLE IF NOT EXISTS outbox (
    dataset_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    round_number INTEGER NOT NULL,
    request_sha256 TEXT NOT NULL,
    reply BLOB,
    PRIMARY KEY (dataset_id, run_id, kind, round_number)
)
"""


class Outbox:
    """Replies of one dataset id.

    Args:
        connection: SQLite connection without implicit transactions.
        dataset_id: the owner's name for the private data.
    """

    def __init__(self, connection: sqlite3.Connection, dataset_id: str) -> None:
        self._connection = connection
        self._dataset_id = dataset_id
        connection.execute(_TABLE)

    def find(
        self, run_id: str, kind: MessageKind, round_number: int, request_sha256: str
    ) -> bytes | None:
        """Returns the stored reply's bytes, or None where nothing was answered.

        Raises:
            RequestRefusedError: REQUEST_CHANGED if another request was answered under
                this key, REPLY_PURGED if the reply is gone.
        """
        row = self._connection.execute(
            "SELECT request_sha256, reply FROM outbox WHERE dataset_id = ? "
            "AND run_id = ? AND kind = ? AND round_number = ?",
            (self._dataset_id, run_id, kind.value, round_number),
        ).fetchone()
        if row is None:
            return None
        answered_sha256, reply = row
        if answered_sha256 != request_sha256:
            raise RequestRefusedError(RefusalReason.REQUEST_CHANGED)
        if reply is None:
            raise RequestRefusedError(RefusalReason.REPLY_PURGED)
        return bytes(reply)

    def put(
        self,
        run_id: str,
        kind: MessageKind,
        round_number: int,
        *,
        request_sha256: str,
        reply: bytes,
    ) -> None:
        """Stores a reply, inside the caller's transaction.

        Raises:
            sqlite3.IntegrityError: something was answered under this key before.
        """
        self._connection.execute(
            "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)",
            (
                self._dataset_id,
                run_id,
                kind.value,
                round_number,
                request_sha256,
                reply,
            ),
        )

    def purge(self, run_id: str) -> None:
        """Drops a run's replies and remembers that they were answered."""
        self._connection.execute(
            "UPDATE outbox SET reply = NULL WHERE dataset_id = ? AND run_id = ?",
            (self._dataset_id, run_id),
        )
