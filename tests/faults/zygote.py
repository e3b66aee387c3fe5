"""Forks custodians from one warm process, so that a kill costs no import of torch.

``python -m tests.faults.zygote``: an order a line of JSON in, an answer a line out.
The process never makes a gRPC object itself, because those do not survive a fork.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch

from tests.faults.child import imports, serve_custodian

READY = b"r"
_children: set[int] = set()


def main() -> None:
    """Answers orders until the input ends, and leaves no custodian behind."""
    torch.set_num_threads(1)
    imports()
    gc.freeze()  # or the collector would touch, and so copy, every page in each fork
    _say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        answer = {"start": _start, "wait": _wait, "kill": _kill}[order.pop("do")]
        _say(json.dumps(answer(**order)))
    for pid in list(_children):
        _kill(pid=pid)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _start(*, log: str, seconds: float, **order: Any) -> dict[str, Any]:
    """Returns the process, and its wait status if it died before it was ready."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_custodian(writing, log, order)
    os.close(writing)
    _children.add(pid)
    is_readable, _, _ = select.select([reading], [], [], seconds)
    is_ready = bool(is_readable) and os.read(reading, 1) == READY
    os.close(reading)
    if is_ready:
        return {"pid": pid, "status": None}
    if not is_readable:
        os.kill(pid, signal.SIGKILL)
    return {"pid": pid, "status": _reap(pid, seconds)}


def _be_custodian(writing: int, log: str, order: dict[str, Any]) -> None:
    """Never returns: a fork must not go on with the zygote's work."""
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _children.clear()
        code = serve_custodian(on_ready=lambda: os.write(writing, READY), **order)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(*, pid: int, seconds: float) -> dict[str, Any]:
    return {"pid": pid, "status": _reap(pid, seconds)}


def _kill(*, pid: int) -> dict[str, Any]:
    os.kill(pid, signal.SIGKILL)
    return {"pid": pid, "status": _reap(pid, seconds=10)}


def _reap(pid: int, seconds: float) -> int | None:
    """Returns a child's wait status, or None if it still lives after some seconds."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found == pid:
            _children.discard(pid)
            return status
        if time.monotonic() > end:
            return None
        time.sleep(0.002)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
