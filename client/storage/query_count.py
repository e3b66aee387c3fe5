"""How often each transfer example was labelled from one body of private data.

Counted over all runs, in the transaction that makes the labels visible: what the outbox
sends again is not a further label. A count of public indices, so a public fact.
"""

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

_TABLE = """
CREATE TABLE IF NOT EXISTS query_counts (
    dataset_id TEXT NOT NULL,
    transfer_set_id TEXT NOT NULL,
    counts BLOB NOT NULL,
    PRIMARY KEY (dataset_id, transfer_set_id)
)
"""


class QueryCount:
    """Counts of one dataset id, by transfer set.

    Args:
        connection: SQLite connection without implicit transactions.
        dataset_id: the owner's name for the private data.
    """

    def __init__(self, connection: sqlite3.Connection, dataset_id: str) -> None:
        self._connection = connection
        self._dataset_id = dataset_id
        connection.execute(_TABLE)

    def counts(self, transfer_set_id: str, *, num_rows: int) -> NDArray[np.int64]:
        """Returns how often each example was labelled, int64 [num_rows].

        Args:
            transfer_set_id: content id.
            num_rows: number of examples in the set.
        """
        row = self._connection.execute(
            "SELECT counts FROM query_counts WHERE dataset_id = ? "
            "AND transfer_set_id = ?",
            (self._dataset_id, transfer_set_id),
        ).fetchone()
        if row is None:
            return np.zeros(num_rows, np.int64)
        return np.frombuffer(row[0], "<i8").astype(np.int64)

    def add(
        self, transfer_set_id: str, indices: NDArray[np.int32], *, num_rows: int
    ) -> None:
        """Counts one label of each of some examples, in the caller's transaction.

        Args:
            transfer_set_id: content id.
            indices: int32 [num_labelled], distinct.
            num_rows: number of examples in the set.
        """
        if len(indices) == 0:
            return
        counts = self.counts(transfer_set_id, num_rows=num_rows)
        counts[indices] += 1
        self._connection.execute(
            "INSERT OR REPLACE INTO query_counts VALUES (?, ?, ?)",
            (self._dataset_id, transfer_set_id, counts.astype("<i8").tobytes()),
        )
