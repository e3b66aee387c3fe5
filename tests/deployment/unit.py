"""What systemd does with a service, for machines without systemd.

``python -m tests.deployment.unit SPEC.json`` starts the command of a unit under its
user, and, once that has ended for whatever reason, kills all that it has left behind
(``KillMode=control-group``) and starts it again after ``RestartSec``. SIGTERM ends it
for good. It loads nothing heavy: there is one of it for each process of a federation.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
STOPS_WITHIN = 20.0


@dataclass(frozen=True, kw_only=True)
class UnitSpec:
    """A service.

    Attributes:
        command: what is run.
        environment: all of it.
        folder: for the log and the number of the process.
        restart_seconds: between an end and the next start; None never starts again.
        user: number, group included; None is this process's own.
        groups: further groups.
        directory: it is started in.
    """

    command: list[str]
    environment: dict[str, str]
    folder: str
    restart_seconds: float | None = None
    user: int | None = None
    groups: list[int] = field(default_factory=list)
    directory: str = "/"

    def save(self) -> Path:
        """Writes it down for the supervisor; returns where."""
        path = Path(self.folder) / "unit.json"
        path.write_text(json.dumps(asdict(self)))
        return path


def log_of(folder: Path) -> Path:
    return folder / "log"


def pid_of(folder: Path) -> Path:
    return folder / "pid"


def _start(spec: UnitSpec) -> subprocess.Popen[bytes]:
    rights = {}
    if spec.user is not None:
        rights = {"user": spec.user, "group": spec.user, "extra_groups": spec.groups}
    folder = Path(spec.folder)
    with log_of(folder).open("ab") as log:
        process = subprocess.Popen(
            spec.command,
            cwd=spec.directory,
            env=spec.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **rights,
        )
    partial = pid_of(folder).with_suffix(".partial")
    partial.write_text(f"{process.pid}")
    partial.rename(pid_of(folder))
    return process


def _children() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def _clear() -> None:
    """Kills all that the command has left behind; orphans are handed to us."""
    while children := _children():
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def main() -> None:
    """Supervises one service until SIGTERM."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    spec = UnitSpec(**json.loads(Path(sys.argv[1]).read_text()))
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True
        if process.poll() is None:
            process.terminate()

    process = _start(spec)
    signal.signal(signal.SIGTERM, end)
    while not ended:
        process.wait()
        _clear()
        if spec.restart_seconds is None or ended:
            break
        until = time.monotonic() + spec.restart_seconds
        while not ended and time.monotonic() < until:
            time.sleep(0.1)
        if not ended:
            process = _start(spec)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOPS_WITHIN)
    _clear()
    sys.exit(process.returncode or 0)


if __name__ == "__main__":
    main()
