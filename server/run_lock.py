"""One ServerApp a run folder: two would write over one another's checkpoint.

Flower starts a ServerApp anew when it hears nothing of one for 30 seconds, and the
first may be alive. The kernel lets the lock go when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import FedstillError
from common.run_folder import RunFolder

PATIENCE = 60.0
_STEP = 0.5


class RunTakenError(FedstillError):
    """Another process works on the run folder."""


def lock_path(folder: RunFolder) -> Path:
    """Returns the file that is locked."""
    return folder.checkpoint / "server.lock"


@contextmanager
def only_server(
    folder: RunFolder,
    *,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Keeps others from the run folder until the block ends.

    Args:
        folder: of the run; it exists.
        patience: seconds to wait for another one's end.
        clock: seconds on a clock that never goes back.
        sleep: waits for some seconds.

    Raises:
        RunTakenError: the other one goes on.
    """
    path = lock_path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    until = clock() + patience
    with path.open("a") as file:
        while not _takes(file.fileno()):
            if clock() >= until:
                raise RunTakenError(
                    f"Run folder {folder.root} is worked on by another process: "
                    f"{path} has been locked for {patience:g} seconds. Nothing was run."
                )
            sleep(_STEP)
        yield


def is_worked_on(folder: RunFolder) -> bool:
    """Returns whether a ServerApp works on the run folder now.

    Raises:
        PermissionError: this user may not look.
    """
    try:
        with lock_path(folder).open("r") as file:
            return not _takes(file.fileno())
    except FileNotFoundError:
        return False


def _takes(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
