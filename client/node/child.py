"""A process of Flower's that ends when this one does, however this one ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_C_LIBRARY = ctypes.CDLL(None)


class Child:
    """A child process whose output is passed on to standard error, line by line.

    Args:
        name: for messages.
        words: the command line.
        environment: all that the process gets to know of ours.
        hear: is given each line of its output.
    """

    def __init__(
        self,
        name: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        hear: Callable[[str], object] = lambda line: line,
    ) -> None:
        self.name = name
        self._hear = hear
        # A session of its own: Ctrl-C in a terminal reaches this process alone, which
        # passes it on once. A second signal would kill a SuperNode that takes its
        # leave, and its key would stay online.
        self._process = subprocess.Popen(  # noqa: S603  # Flower's, by its full path
            [*words],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            # One system call, no Python locks: safe between fork and exec.
            preexec_fn=_end_with_parent,  # noqa: PLW1509
        )
        self._reader = threading.Thread(target=self._pass_on, daemon=True)

    def follow(self) -> None:
        """Begins to pass its output on; after the last fork, which minds threads."""
        self._reader.start()

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Asks it to end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def end_within(self, seconds: float) -> None:
        """Waits for its end, and then ends it and all that it has left behind."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        # The group, since a SuperExec's relays may outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._reader.ident is not None:
            self._reader.join(1.0)

    def _pass_on(self) -> None:
        assert self._process.stdout is not None  # a pipe
        for line in self._process.stdout:
            self._hear(line.rstrip())
            sys.stderr.write(line)
            sys.stderr.flush()


def close_to_own_user() -> None:
    """Shuts this process's memory and environment off from others of its user.

    The coordinator's code runs as the same user, and a unit's environment may hold
    what is not for it.
    """
    if hasattr(_C_LIBRARY, "prctl"):
        _C_LIBRARY.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _end_with_parent() -> None:
    # Linux only; elsewhere whoever supervises this process ends the group. SIGTERM, so
    # that a SuperNode takes its leave and can come back at once.
    if hasattr(_C_LIBRARY, "prctl"):
        _C_LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
