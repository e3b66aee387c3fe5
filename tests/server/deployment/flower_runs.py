"""A Flower that starts runs on paper, and a ServerApp that does what a test says."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from common.run_folder import RunFolder
from server.deployment.flower_answers import FlowerRun, SuperLinkAwayError
from server.outcome import Outcome, RunState, write_outcome
from server.run_lock import only_server


class Time:
    """A clock on which something happens whenever somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.at: list[tuple[float, Callable[[], object]]] = []

    def after(self, seconds: float, happens: Callable[[], object]) -> None:
        self.at.append((self.seconds + seconds, happens))

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        assert self.seconds < 10_000, "it waits for ever"
        due = [one for one in self.at if one[0] <= self.seconds]
        self.at = [one for one in self.at if one[0] > self.seconds]
        for _, happens in due:
            happens()


@dataclass
class FakeFlower:
    """As much of FlowerCli as a run needs.

    Attributes:
        on_start: called with each new run's number.
        status: Flower's word on every run.
        is_away: whether nobody answers.
        logged: what the ServerApp has printed.
        started: contents of the run configs.
        stopped: numbers of the runs that were stopped.
    """

    on_start: Callable[[int], object] = lambda _: None
    status: str = "running"
    is_away: bool = False
    logged: str = ""
    started: list[str] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)

    def run(self, app, run_config):
        self._require_answer()
        assert (app / "pyproject.toml").exists()
        self.started.append(run_config.read_text())
        number = len(self.started)
        self.on_start(number)
        return number

    def runs(self, run_id=None):
        self._require_answer()
        return (FlowerRun(run_id=run_id or 1, status=self.status, details="so it is"),)

    def stop(self, run_id):
        self._require_answer()
        self.stopped.append(run_id)

    def log(self, run_id):
        del run_id
        self._require_answer()
        return self.logged

    def _require_answer(self):
        if self.is_away:
            raise SuperLinkAwayError("The SuperLink does not answer at here.")


class FakeServerApp:
    """Works on a run folder as a ServerApp does."""

    def __init__(self, folder: RunFolder, config) -> None:
        self._folder = folder
        self._config = config
        self._lock = ExitStack()

    def begin(self) -> None:
        self._folder.root.mkdir(parents=True, exist_ok=True)
        self._folder.config.write_text(self._config.to_toml())
        self._lock.enter_context(only_server(self._folder, patience=0))
        self.say(RunState.RUNNING)

    def finish_round(self, number: int) -> None:
        with self._folder.metrics.open("a") as file:
            file.write(f"{json.dumps({'round': number})}\n")

    def end(self, state: RunState, exit_code: int | None = 0, error: str = "") -> None:
        self.say(state, exit_code, error)
        self._lock.close()

    def die(self) -> None:
        self._lock.close()

    def say(self, state, exit_code=None, error=""):
        write_outcome(
            self._folder, Outcome(state=state, exit_code=exit_code, error=error)
        )
