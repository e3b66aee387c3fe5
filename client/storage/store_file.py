"""Opens a store's file: created whole, checked, and durable as it was asked for."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from client.storage.store_connection import StoreConnection, telling
from common.atomic_file import sync_folder
from common.errors import LedgerCorruptedError, LedgerUnavailableError
from common.privacy import ledger_schema

_FULL = "FULL"
# What each pragma is for, in the order in which they are set.
_EVERYWHERE = (
    "trusted_schema = OFF",  # no function of a forged schema runs
    "cell_size_check = ON",  # a torn page is noticed when it is read
)
# In SQLite's default journal mode, DELETE, a power cut right after a commit may bring
# the journal's name back and undo it, after the reply has left. TRUNCATE syncs the
# empty journal; and unlike WAL it lets a reader without write access in.
_DURABLE = ("journal_mode = TRUNCATE", "fullfsync = ON")


def open_connection(
    path: Path, *, timeout: float, synchronous: str, read_only: bool
) -> StoreConnection:
    """Returns a connection in autocommit mode.

    With ``FULL`` the file is made in one piece and checked, so that an empty or torn
    one is known for what it is, and must keep its name while it is open.

    Args:
        path: of the file.
        timeout: seconds to wait for another process's transaction.
        synchronous: SQLite's ``synchronous``.
        read_only: whether nothing is written or created.

    Raises:
        LedgerCorruptedError: the file is no database, is torn, or is of an older
            version.
        LedgerUnavailableError: the file cannot be opened.
    """
    path = path.absolute()
    is_durable = synchronous == _FULL
    if is_durable:
        _require_content(path, read_only=read_only)
    connection = _connect(path, timeout=timeout, read_only=read_only)
    try:
        for pragma in (f"synchronous = {synchronous}", *_EVERYWHERE):
            connection.execute(f"PRAGMA {pragma}")
        if is_durable:
            connection.watch(path)
            for pragma in () if read_only else _DURABLE:
                connection.execute(f"PRAGMA {pragma}")
            _require_whole(connection, path)
        _require_own_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, *, timeout: float, read_only: bool) -> StoreConnection:
    mode = "ro" if read_only else "rwc"
    # Requests may arrive on several threads; the site lets in one at a time.
    with telling(path):
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=StoreConnection,
        )
    connection.path = path
    return connection


def _require_content(path: Path, *, read_only: bool) -> None:
    """Makes a file that is not there; refuses an empty one, which is never ours."""
    try:
        if not path.exists():
            if read_only:
                raise LedgerUnavailableError(
                    f"There is no ledger {path}. Nothing was read. The custodian makes "
                    "one when it first starts."
                )
            _create(path)
        if path.stat().st_size == 0:
            raise LedgerCorruptedError(
                f"{path} cannot be believed: it is empty. Nothing is spent or released "
                "on its word. Put back the newest copy."
            )
    except OSError as error:
        raise LedgerUnavailableError(
            f"Ledger {path} cannot be used: {error.strerror}. Nothing was spent or "
            "released. Check that file and folder exist and that this user may write "
            "there."
        ) from error


def _create(path: Path) -> None:
    """Makes an empty store under another name and then gives it its own.

    A process that is killed in between leaves no file that looks like a lost ledger.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(
            temporary, isolation_level=None, factory=StoreConnection
        )
        connection.path = path
        try:
            connection.execute(f"PRAGMA synchronous = {_FULL}")
            ledger_schema.create(connection)
        finally:
            connection.close()
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _require_whole(connection: StoreConnection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise LedgerCorruptedError(
            f"{path} cannot be believed: {found}. Nothing is spent or released on its "
            "word. Put back the newest copy."
        )


def _require_own_schema(connection: StoreConnection, path: Path) -> None:
    try:
        ledger_schema.require_own_schema(connection)
    except ValueError as error:
        raise LedgerCorruptedError(
            f"{path} cannot be believed: {error} Nothing is spent or released on its "
            "word."
        ) from error
