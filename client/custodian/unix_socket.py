"""A Unix domain socket that the kernel opens to one group and to nobody else."""

from __future__ import annotations

import contextlib
import grp
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from common.errors import ConfigError

FOLDER_MODE = 0o750
SOCKET_MODE = 0o660
_NOBODY_YET = 0o177  # bound as 0600: opened to the group once it is the right one
_PROBE_SECONDS = 5.0
_CONSEQUENCE = "The custodian does not start."
_umask_lock = threading.Lock()


def bind_socket(path: Path, group: str, bind: Callable[[], object]) -> None:
    """Makes the folder if need be, binds, and opens the socket to the group.

    Args:
        path: absolute path of the socket.
        group: name or number; empty for the custodian's own.
        bind: creates the socket at ``path``.

    Raises:
        ConfigError: an unknown group, a folder that others can change or enter,
            another custodian that answers at ``path``, or something else there.
    """
    group_id = _group_id(path, group)
    try:
        _prepare_folder(path, group_id)
        _make_room(path)
        with _umask(_NOBODY_YET):
            bind()
        os.chown(path, -1, group_id)
        path.chmod(SOCKET_MODE)
    except (OSError, RuntimeError) as error:  # gRPC raises RuntimeError
        words = getattr(error, "strerror", None) or "cannot be bound"
        raise _problem(path, f"{words}") from error


def remove_socket(path: Path) -> None:
    """Removes a socket whose server has ended, if it is still there."""
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(path.lstat().st_mode) and not _answers(path):
            path.unlink()


def _group_id(path: Path, group: str) -> int:
    if not group:
        return os.getegid()
    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise _problem(path, f"this system has no group {group!r}") from None


def _prepare_folder(path: Path, group_id: int) -> None:
    folder = path.parent
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        _check_folder(path, group_id)
    else:
        os.chown(folder, -1, group_id)
        folder.chmod(FOLDER_MODE)


def _check_folder(path: Path, group_id: int) -> None:
    """A folder that was there is checked, never changed: it could be anybody's."""
    state = path.parent.lstat()
    mode = stat.S_IMODE(state.st_mode) & 0o777
    if not stat.S_ISDIR(state.st_mode):
        raise _problem(path, "its folder is a link or no folder")
    if state.st_uid != os.geteuid():
        raise _problem(
            path, f"its folder belongs to user {state.st_uid}, not to the custodian's"
        )
    if mode & ~FOLDER_MODE:
        raise _problem(
            path, f"its folder has mode {mode:04o}, allowed is {FOLDER_MODE:04o}"
        )
    if state.st_gid != group_id:
        raise _problem(
            path, f"its folder belongs to group {state.st_gid}, expected {group_id}"
        )


def _make_room(path: Path) -> None:
    """Removes the socket of a custodian that was killed."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise _problem(path, "there is something else than a socket")
    if _answers(path):  # gRPC would take its place without a word
        raise _problem(path, "another custodian answers there")
    path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # full or not ours to connect to: somebody has it
            return True
    return True


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    with _umask_lock:
        before = os.umask(mask)
        try:
            yield
        finally:
            os.umask(before)


def _problem(path: Path, what: str) -> ConfigError:
    return ConfigError(f"The socket {str(path)!r}: {what}. {_CONSEQUENCE}")
