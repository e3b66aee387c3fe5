"""What stands in for cells that would take long."""

from __future__ import annotations

import os
import time

from simulations.tradeoff.cells import CellResult


def instant(config, folder):
    """A result that depends on the config, and a trace of the call."""
    (folder / "scratch").write_text("in the way")
    return CellResult(
        test_accuracy=0.5 + config.seed / 100, epsilon_spent=config.privacy.epsilon
    )


def echo(message: bytes) -> bytes:
    """What a worker is asked to do: answer, die, sleep, or tell its threads."""
    if message == b"die":
        os.kill(os.getpid(), 9)
    if message == b"sleep":
        time.sleep(600)
    if message == b"threads":
        return os.environ["OMP_NUM_THREADS"].encode()
    return message + b" from " + str(os.getpid()).encode()
