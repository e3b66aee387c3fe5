"""The store's SQLite connection: what goes wrong is told to the owner in words.

Every statement of students, outbox and ledger passes here, so that none of them meets a
full disk by itself. Integrity errors stay SQLite's own: they are the callers' business.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import (
    FedstillError,
    LedgerCorruptedError,
    LedgerRolledBackError,
    LedgerUnavailableError,
)

_CONSEQUENCE = (
    "Nothing was released, and nothing is charged but what is on disk already."
)
_CAUSES = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "Make room; the same request then succeeds.",
    ),
    sqlite3.SQLITE_READONLY: (
        "it may only be read",
        "Give this user write access to the file and its folder.",
    ),
    sqlite3.SQLITE_PERM: (
        "access is denied",
        "Give this user write access to the file and its folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened",
        "Check that file and folder exist and that this user may write there.",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk does not read or write",
        "Check the disk, then start the custodian again.",
    ),
    sqlite3.SQLITE_BUSY: (
        "another process holds it",
        "End that process; the same request then succeeds.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "another process holds it",
        "End that process; the same request then succeeds.",
    ),
}
_INTERRUPTED = (
    "a commit was interrupted, and a reader may not undo it",
    "Start the custodian once, or open the ledger for writing.",
)
_OTHER = ("SQLite refuses", "Check the disk, then start the custodian again.")
_CORRUPTED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)


def in_words(error: sqlite3.Error, path: Path) -> FedstillError:
    """Returns what the owner should read about an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    is_foreign = str(error).startswith(("no such table", "no such column", "table "))
    if primary in _CORRUPTED or is_foreign:
        return LedgerCorruptedError(
            f"{path} cannot be believed: {error}. Nothing is spent or released on its "
            "word. Put back the newest copy."
        )
    cause, remedy = _CAUSES.get(primary or 0, _OTHER)
    if code in (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY):
        cause, remedy = _INTERRUPTED
    return LedgerUnavailableError(
        f"Ledger {path} cannot be used: {cause} ({error}). {_CONSEQUENCE} {remedy}"
    )


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turns errors of SQLite into those of :func:`in_words`."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        if "closed" not in str(error):  # after a rollback that failed
            raise
        raise in_words(error, path) from error
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise in_words(error, path) from error


class StoreConnection(sqlite3.Connection):
    """A connection whose errors are words, and that notices an exchanged file."""

    path = Path("ledger.sqlite")
    _identity: tuple[int, int] | None = None

    def watch(self, path: Path) -> None:
        """From now on refuses to work where ``path`` is another file than now."""
        self.path = path
        self._identity = _identity(path)

    def cursor(self, factory: None = None) -> _Cursor:  # type: ignore[override]
        """Returns a cursor whose errors are words."""
        del factory
        self._require_same_file()
        with telling(self.path):
            return super().cursor(_cursor_of(self.path))

    def execute(self, sql: str, parameters: Any = ()) -> _Cursor:  # noqa: ANN401
        """Executes one statement; errors are words."""
        return self.cursor().execute(sql, parameters)

    def executescript(self, script: str) -> _Cursor:
        """Executes several statements; errors are words."""
        return self.cursor().executescript(script)

    def _require_same_file(self) -> None:
        """SQLite reads on in a file that lost its name; only its writes fail."""
        if self._identity is None or _identity(self.path) == self._identity:
            return
        raise LedgerRolledBackError(
            f"Ledger {self.path} was replaced by another file while it was in use. "
            "Nothing is spent or released on its word. Put the newest copy there and "
            "start the custodian again."
        )


def _cursor_of(path: Path) -> Callable[[sqlite3.Connection], _Cursor]:
    return lambda connection: _Cursor(connection, path)


class _Cursor(sqlite3.Cursor):
    """A cursor that is read by ``fetchone`` and ``fetchall``."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        super().__init__(connection)
        self._path = path

    def execute(self, sql: str, parameters: Any = ()) -> _Cursor:  # noqa: ANN401
        with telling(self._path):
            super().execute(sql, parameters)
        return self

    def executescript(self, script: str) -> _Cursor:
        with telling(self._path):
            super().executescript(script)
        return self

    def fetchone(self) -> Any:  # noqa: ANN401  # as the method it overrides
        with telling(self._path):
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with telling(self._path):
            return super().fetchall()


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
