"""One custodian a ledger: a lock that a killed process cannot leave behind.

``flock`` on a file beside the ledger, by its real path, so that a symbolic link or a
relative path leads to the same lock. The kernel lets go of it when the process ends,
however it ends. The file itself stays: it is the lock's name, not its state.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import LedgerUnavailableError

_HELD = {errno.EAGAIN, errno.EACCES}


@contextmanager
def store_lock(path: Path) -> Iterator[None]:
    """Holds the ledger against a second custodian while the context is open.

    Take it before :class:`client.storage.store.Store` opens the file for writing.
    Readers need none.

    Args:
        path: of the ledger, which need not exist yet; its folder must.

    Raises:
        LedgerUnavailableError: another process holds it, the ledger has a second name
            under which another could, or the lock file cannot be written.
    """
    real = path.resolve()
    lock = real.with_name(f"{real.name}.lock")
    try:
        _require_one_name(real)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerUnavailableError(
            f"Lock {lock} cannot be opened: {error.strerror}. The custodian does not "
            "start. Give this user write access to the ledger's folder."
        ) from error
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)  # which lets go


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())  # to tell who holds it
    except OSError as error:
        if error.errno not in _HELD:
            cause = f"cannot be locked: {error.strerror}."
        else:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            cause = f"is held by another custodian, process {holder or 'unknown'}."
        raise LedgerUnavailableError(
            f"Ledger {path} {cause} Two on one ledger would spend one budget twice. "
            "The custodian does not start. End the other one first."
        ) from error


def _require_one_name(real: Path) -> None:
    """A hard link has a lock, and a journal, of its own."""
    if real.exists() and real.stat().st_nlink > 1:
        raise LedgerUnavailableError(
            f"Ledger {real} has a second name (a hard link), under which another "
            "custodian could use it. The custodian does not start. Remove one name."
        )
