"""A service of the federation: started from its unit, killed, looked into."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.deployment.machines import ROOT, Machine
from tests.deployment.unit import STOPS_WITHIN, UnitSpec, log_of, pid_of

STEP = 0.1


class Service:
    """A process that somebody like systemd looks after.

    Args:
        name: for messages.
        spec: what is run.
        machine: where.
    """

    def __init__(self, name: str, spec: UnitSpec, machine: Machine) -> None:
        self.name = name
        self.spec = spec
        self.machine = machine
        self._folder = Path(spec.folder)
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; it need not answer yet."""
        self._folder.mkdir(exist_ok=True, parents=True)
        pid_of(self._folder).unlink(missing_ok=True)
        words = [sys.executable, "-m", "tests.deployment.unit", str(self.spec.save())]
        with (self._folder / "supervisor.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [*self.machine.words(), *words],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(pid_of(self._folder).exists, f"{self.name} to start", seconds=30)

    def stop(self) -> None:
        """Ends it for good, as `systemctl stop` does."""
        if self._supervisor is None:
            return
        self._supervisor.terminate()
        try:
            self._supervisor.wait(STOPS_WITHIN + 15)
        finally:
            with suppress(ProcessLookupError):
                self._supervisor.kill()
            self._supervisor.wait()
            self._supervisor = None

    def kill(self) -> None:
        """Kills the main process, as the kernel does when memory is short."""
        os.kill(self.pid(), signal.SIGKILL)

    def pid(self) -> int:
        """Returns the number of the main process, the newest one."""
        return int(pid_of(self._folder).read_text())

    def is_alive(self) -> bool:
        """Whether somebody still looks after it."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def log(self) -> str:
        """Returns what it has written."""
        path = log_of(self._folder)
        return path.read_text(errors="replace") if path.exists() else ""

    def children(self, word: str) -> list[int]:
        """Returns the processes below it whose command line has ``word``."""
        return [pid for pid in below(self.pid()) if word in command_line(pid)]


def below(pid: int) -> list[int]:
    """Returns the processes that descend from one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def command_line(pid: int) -> str:
    """Returns the words of a process, or nothing once it has ended."""
    with suppress(OSError):
        content = Path(f"/proc/{pid}/cmdline").read_bytes()
        return content.replace(b"\0", b" ").decode(errors="replace")
    return ""


def wait_until(
    holds: Callable[[], object], what: str, *, seconds: float, step: float = STEP
) -> float:
    """Returns after how many seconds something holds.

    Raises:
        AssertionError: it does not in time.
    """
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"Waited {seconds:g} seconds for {what}.")
        time.sleep(step)
    return time.monotonic() - started
