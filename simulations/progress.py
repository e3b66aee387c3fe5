"""What a person watches while a federation runs.

In a terminal a bar and a line per round above it; anywhere else the lines alone, so
that a log reads like a diary. Everything goes to the console given, which is standard
error: standard output carries the result and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from common.byte_text import bytes_text
from simulations.rounds import RoundFigures, round_figures
from simulations.wording import epsilon_text, of_count, percent

if TYPE_CHECKING:
    from server.round_state import RoundResult


class RunProgress:
    """Shows stages and rounds; use :func:`showing_progress`.

    Args:
        console: where to.
        bar: the bar, or None where the console is no terminal.
        rounds: how many rounds are planned.
    """

    def __init__(self, console: Console, bar: Progress | None, *, rounds: int) -> None:
        self._console = console
        self._bar = bar
        self._rounds = rounds
        self._task: TaskID | None = None

    def on_stage(self, stage: str) -> None:
        """Starts a stage.

        Args:
            stage: what is being done, in a few words.
        """
        if self._bar is None:
            self._print(Text(stage, "bold"))
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(stage, total=None)

    def on_round(self, result: RoundResult) -> None:
        """Shows a round that the server has finished."""
        # Here, not above: the server needs torch, and the bar is up before that.
        from server.metrics import metrics_line  # noqa: PLC0415

        self.show_round(round_figures(metrics_line(result)))

    def show_round(self, figures: RoundFigures) -> None:
        """Prints a round's line and moves the bar to it."""
        self._print(round_line(figures, rounds=self._rounds))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=self._rounds, completed=figures.round)

    def say(self, sentence: str) -> None:
        """Prints a sentence, such as what a run waits for."""
        self._print(Text(sentence, "yellow"))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


@contextmanager
def showing_progress(console: Console, *, rounds: int) -> Iterator[RunProgress]:
    """Gives a display that is taken down again whatever happens."""
    if not console.is_terminal:
        yield RunProgress(console, None, rounds=rounds)
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        yield RunProgress(console, bar, rounds=rounds)


def round_line(figures: RoundFigures, *, rounds: int) -> Text:
    """Returns a round in a line: accuracy, epsilon spent, bytes, sites.

    Args:
        figures: the round's metrics.
        rounds: how many rounds are planned.
    """
    width = len(str(rounds))
    text = Text(f"round {figures.round:>{width}}/{rounds}  ")
    accuracy = figures.global_student.test_accuracy
    if accuracy is not None:
        text.append(f"accuracy {percent(accuracy):>6}  ", "bold")
    spent = figures.privacy.epsilon
    text.append(f"epsilon {epsilon_text(spent)}", _epsilon_style(spent))
    text.append(
        f"  up {bytes_text(figures.bytes.up)}  down {bytes_text(figures.bytes.down)}"
        f"  {figures.accepted}/{figures.cohort} sites"
    )
    for remark in _remarks(figures):
        text.append(f"  {remark}", "yellow")
    return text


def _epsilon_style(epsilon: float) -> str:
    return "red" if epsilon == float("inf") else ""


def _remarks(figures: RoundFigures) -> Iterator[str]:
    for rejection in figures.rejections:
        yield f"{rejection.site} rejected: {rejection.reason}"
    named = [one for one in figures.absences if one.reason != "silent"]
    silent = [one.site for one in figures.absences if one.reason == "silent"]
    if figures.silent:
        yield f"{', '.join(silent) or figures.silent} silent"
    for absence in named:
        yield f"{absence.site} {absence.reason.replace('-', ' ')}"
    if figures.exhausted:
        yield f"budget ended at {of_count(figures.exhausted, 'site')}"
