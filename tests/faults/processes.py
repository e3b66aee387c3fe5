"""The test's side of the zygote: start, kill and wait for custodians."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from tests.faults.hooks import Hooks

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30  # after which a custodian that does not do what it must is a failure


class Zygote:
    """A warm process that forks custodians; a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._process.stdout.close()

    def order(self, do: str, **values: Any) -> dict[str, Any]:
        """Returns the zygote's answer to one order."""
        self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class DidNotStartError(Exception):
    """A custodian ended before it was ready; says how, and what it logged."""


class CustodianProcess:
    """A custodian of one site folder, one process at a time.

    Args:
        zygote: forks it.
        place: the site's folder, by :func:`tests.faults.place.make_place`.
        seed: of its noise and samples, the same for every start.
    """

    def __init__(self, zygote: Zygote, place: Path, *, seed: int) -> None:
        self._zygote = zygote
        self.place = place
        self._seed = seed
        self._pid: int | None = None
        self.statuses: list[int] = []

    @property
    def log(self) -> str:
        """What the custodians of this folder wrote."""
        path = self.place / "log"
        return path.read_text() if path.exists() else ""

    def start(
        self, *, failpoint: str | None = None, hooks: Hooks | None = None
    ) -> None:
        """Starts a custodian, which dies at ``failpoint`` if one is named.

        Raises:
            DidNotStartError: it ended before it was ready.
        """
        answer = self._zygote.order(
            "start",
            place=str(self.place),
            log=str(self.place / "log"),
            seed=self._seed,
            failpoint=failpoint,
            hooks=asdict(hooks or Hooks()),
            seconds=SECONDS,
        )
        if answer["status"] is not None:
            self.statuses.append(answer["status"])
            raise DidNotStartError(f"status {answer['status']}: {self.log[-2000:]}")
        self._pid = answer["pid"]

    def is_dead(self, *, seconds: float = SECONDS) -> bool:
        """Returns whether it has ended, or does so within some seconds."""
        if self._pid is None:
            return True
        answer = self._zygote.order("wait", pid=self._pid, seconds=seconds)
        if answer["status"] is None:
            return False
        self.statuses.append(answer["status"])
        self._pid = None
        return True

    def kill(self) -> None:
        """Kills it with SIGKILL, wherever it is."""
        if self._pid is not None:
            self.statuses.append(self._zygote.order("kill", pid=self._pid)["status"])
            self._pid = None

    @property
    def kills(self) -> int:
        """How many died by SIGKILL."""
        return sum(
            os.WIFSIGNALED(one) and os.WTERMSIG(one) == signal.SIGKILL
            for one in self.statuses
        )
