"""Follows a run of Flower's to its end, and has it go on where its ServerApp dies.

Flower relaunches nothing that can be relied on, and calls a killed ServerApp finished
a minute later. The run folder knows better and at once: rounds, the outcome, and a lock
that the kernel lets go with the process. Flower is asked where the folder is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from common.config import Config
from common.deployment.layout import DeploymentFolder
from common.errors import FedstillError
from common.run_folder import RunFolder
from server.deployment.clock import Clock
from server.deployment.finished_rounds import FinishedRounds
from server.deployment.flower_answers import FlowerRun, SuperLinkAwayError
from server.deployment.flower_cli import FlowerCli
from server.deployment.run_record import StartedRun
from server.deployment.run_start import start_run
from server.outcome import Outcome, RunState, read_outcome
from server.run_lock import is_worked_on

LOOKS_EVERY = 0.5
ASKS_EVERY = 10.0
# A lock that is free is believed after this long: a ServerApp may be about to end.
_DEAD_AFTER = 3.0
_SLOW_START = 40.0
_AWAY_AT_MOST = 600.0
_TRIES_AGAIN_EVERY = 5.0
MOST_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who is told what.

    Attributes:
        on_line: each finished round's line of metrics, once.
        say: a sentence for a person.
    """

    on_line: Callable[[str], object]
    say: Callable[[str], object]


class RunWatch:
    """One run, from its start or from where somebody else had begun to follow it.

    Args:
        cli: Flower's command.
        deployment: of the run.
        config: of the run.
        folder: the run folder, an absolute path.
        watcher: who is told.
        tries: how often in a row the ServerApp is started again without a new round.
        clock: how time passes.
    """

    def __init__(
        self,
        cli: FlowerCli,
        deployment: DeploymentFolder,
        config: Config,
        folder: RunFolder,
        watcher: Watcher,
        *,
        tries: int = MOST_TRIES,
        clock: Clock | None = None,
    ) -> None:
        self._cli = cli
        self._deployment = deployment
        self._config = config
        self._folder = folder
        self._watcher = watcher
        self._most_tries = tries
        self._clock = clock or Clock()
        self._rounds = FinishedRounds(folder.metrics)
        self._tries = 0
        self._started: StartedRun | None = None
        self._free_since: float | None = None
        self._begun = self._clock.now()

    def start(self) -> StartedRun:
        """Has Flower start the run, or go on with it; waits for a SuperLink.

        Raises:
            FedstillError: Flower did not start it, or nobody answered for 10 minutes.
        """
        until = self._clock.now() + _AWAY_AT_MOST
        is_told = False
        while True:
            try:
                self._started = start_run(
                    self._cli, self._deployment, self._config, self._folder
                )
            except SuperLinkAwayError as error:
                if not self._folder.config.exists() or self._clock.now() >= until:
                    raise
                if not is_told:
                    self._watcher.say(f"{error} Trying again for up to 10 minutes.")
                    is_told = True
                self._clock.sleep(_TRIES_AGAIN_EVERY)
            else:
                self._free_since = None
                self._begun = self._clock.now()
                return self._started

    def attach(self, started: StartedRun) -> None:
        """Follows a run that was started before."""
        self._started = started

    def stop(self) -> None:
        """Ends the run; what a site is doing just then, it does to its end."""
        if self._started is not None:
            self._cli.stop(int(self._started.flower_run_id))

    def follow(self) -> Outcome:
        """Returns how the run ended, after everybody was told of every round."""
        asked = self._clock.now()
        is_told = False
        while True:
            outcome = self._look()
            if outcome is not None:
                return outcome
            now = self._clock.now()
            if now - asked >= ASKS_EVERY:
                outcome, asked = self._ask(), self._clock.now()
                if outcome is not None:
                    return outcome
                if not is_told and self._is_slow():
                    is_told = True
                    self._watcher.say(
                        "The run has not begun yet. Is fedstill-superexec running?"
                    )
            self._clock.sleep(LOOKS_EVERY)

    def _look(self) -> Outcome | None:
        """Looks into the run folder; returns how the run ended, if it has."""
        self._tell_rounds()
        outcome = read_outcome(self._folder)
        if outcome is None:
            return None
        if outcome.state is RunState.RUNNING:
            if not self._is_dead():
                return None
            # It may have said how it ended between the two looks.
            outcome = read_outcome(self._folder) or outcome
        self._tell_rounds()
        if outcome.state is RunState.RUNNING:
            return self._again(outcome, "The ServerApp was killed.")
        if outcome.state is RunState.INTERRUPTED:
            return self._again(outcome, f"{outcome.error.rstrip('.')}.")
        return outcome

    def _tell_rounds(self) -> None:
        for line in self._rounds.new_lines():
            self._tries = 0
            self._watcher.on_line(line)

    def _is_dead(self) -> bool:
        """Whether nobody has worked on the folder for some seconds."""
        if is_worked_on(self._folder):
            self._free_since = None
            return False
        now = self._clock.now()
        if self._free_since is None:
            self._free_since = now
        return now - self._free_since >= _DEAD_AFTER

    def _is_slow(self) -> bool:
        """Whether a ServerApp should long have said that it runs."""
        is_late = self._clock.now() - self._begun > _SLOW_START
        return is_late and read_outcome(self._folder) is None

    def _again(self, outcome: Outcome, fault: str) -> Outcome | None:
        """Has the run go on; returns how it ended where that is not to be."""
        if self._was_stopped():
            return _failed(outcome, "The run was stopped by `flwr stop`.")
        if self._tries >= self._most_tries:
            return _failed(outcome, fault)
        self._tries += 1
        with suppress(FedstillError):  # so that Flower does not relaunch it as well
            self.stop()
        self._watcher.say(f"{fault} It goes on after round {self._rounds.last}.")
        self.start()
        return None

    def _was_stopped(self) -> bool:
        run = self._flower_run()
        return run is not None and run.status == "finished:stopped"

    def _ask(self) -> Outcome | None:
        """Asks Flower; returns how the run ended before it had claimed its folder."""
        run = self._flower_run()
        if run is None or not run.is_finished:
            return None
        found = read_outcome(self._folder)
        if found is not None:  # _look() knows more
            return None
        if run.status == "finished:stopped":
            return _failed(None, "The run was stopped by `flwr stop`.")
        return _failed(None, self._last_words(run))

    def _flower_run(self) -> FlowerRun | None:
        if self._started is None:
            return None
        try:
            runs = self._cli.runs(int(self._started.flower_run_id))
        except FedstillError:
            return None
        return next(iter(runs), None)

    def _last_words(self, run: FlowerRun) -> str:
        """Returns why a ServerApp ended that could not say so itself."""
        try:
            lines = self._cli.log(run.run_id).splitlines()
        except FedstillError:
            lines = []
        told = [" ".join(line.split()) for line in lines if "Error: " in line]
        why = told[-1].partition("Error: ")[2] if told else run.details
        return why or "The ServerApp ended before its first round, without a reason."


def _failed(outcome: Outcome | None, error: str) -> Outcome:
    base = outcome or Outcome(state=RunState.FAILED)
    return replace(
        base,
        state=RunState.FAILED,
        exit_code=FedstillError.exit_code,
        error=error,
    )
