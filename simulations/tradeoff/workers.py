"""Processes that run one cell after the other, each with one thread.

Messages are JSON through a pipe. A worker keeps the data and public features of its
last cells in memory, so the agenda gives it cells of one group as long as it can.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection

Run = Callable[[bytes], bytes]


class WorkerDiedError(Exception):
    """A worker's process ended while it ran a cell."""


class Worker:
    """A process that waits for cells; it ends with this process, however that ends.

    Args:
        run: what it does with a message; a function of a module.
    """

    def __init__(self, run: Run) -> None:
        # Not fork: torch and OpenMP do not survive it.
        context = get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, run), daemon=True)
        self._process.start()
        theirs.close()  # only the child holds it, so that its death ends the pipe

    @property
    def connection(self) -> Connection:
        """Readable once the worker has answered, or died."""
        return self._ours

    def send(self, message: bytes) -> None:
        """Gives the worker something to do."""
        try:
            self._ours.send_bytes(message)
        except OSError:
            return  # it has died: told when its answer is asked for

    def receive(self) -> bytes:
        """Returns the answer to the message.

        Raises:
            WorkerDiedError: there will be none; says how the process ended.
        """
        try:
            return self._ours.recv_bytes()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
        raise WorkerDiedError(
            f"Its process ended by {how}, perhaps for want of memory."
        )

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def ready(workers: Sequence[Worker]) -> list[Worker]:
    """Waits for at least one answer and returns the workers that have one."""
    answered = connection.wait([worker.connection for worker in workers])
    return [worker for worker in workers if worker.connection in answered]


def _serve(pipe: Connection, run: Run) -> None:
    # The parent tells of Ctrl-C and ends this process: no second traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A second thread on a shared core costs twentyfold. Before torch is imported.
    os.environ["OMP_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            message = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(run(message))


def _end_with_parent() -> None:
    """A parent that is killed must not leave a cell running behind its back."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
