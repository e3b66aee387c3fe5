"""SQLite transactions that end, whatever statement fails in them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import FedstillError


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Makes everything inside durable together, or leaves none of it.

    A commit that fails is rolled back, and a rollback that fails closes the
    connection: SQLite then undoes the rest when the file is next opened. What raises
    here may have reached the disk only if its commit did, whole.

    Args:
        connection: in autocommit mode, without an open transaction.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        _undo(connection)
        raise


def _undo(connection: sqlite3.Connection) -> None:
    # SQLite rolls back by itself where the disk is full or broken.
    with contextlib.suppress(sqlite3.Error, FedstillError):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    if _is_open(connection):
        with contextlib.suppress(sqlite3.Error):
            connection.close()


def _is_open(connection: sqlite3.Connection) -> bool:
    """Whether a transaction is open."""
    try:
        return connection.in_transaction
    except sqlite3.Error:
        return False
