"""What a person watches while a sweep runs: a bar, and the table as it fills.

Anywhere but in a terminal a line for each cell, so that a log reads like a diary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from common.byte_text import bytes_text
from simulations.tradeoff.catalogue import FEDERATION
from simulations.tradeoff.cells import Cell, Row
from simulations.tradeoff.labels import (
    NAMES,
    epsilon_label,
    line_names,
    partition_label,
    spread_text,
)
from simulations.tradeoff.lines import lines_of
from simulations.wording import percent, seconds_text


class SweepDisplay:
    """Shows cells as they end; use :func:`showing_sweep`.

    Args:
        console: where to.
        live: the display, or None where the console is no terminal.
        bar: the bar in it.
        rows: what had ended before.
        total: how many cells there are.
    """

    def __init__(
        self,
        console: Console,
        live: Live | None,
        bar: Progress,
        *,
        rows: Sequence[Row],
        total: int,
    ) -> None:
        self._console = console
        self._live = live
        self._bar = bar
        self._rows = list(rows)
        self._total = total
        self._task = bar.add_task("cells", total=total, completed=len(self._rows))
        self._draw()

    def on_row(self, row: Row) -> None:
        """Shows a cell that ended."""
        self._rows.append(row)
        self._bar.update(self._task, completed=len(self._rows))
        if self._live is None or row.error:
            text = row_line(row, number=len(self._rows), total=self._total)
            self._console.print(text, soft_wrap=True)
        self._draw()

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(Group(results_table(self._rows), self._bar))


@contextmanager
def showing_sweep(
    console: Console, *, rows: Sequence[Row], total: int
) -> Iterator[SweepDisplay]:
    """Gives a display that is taken down again whatever happens.

    Args:
        console: where to.
        rows: cells that had been finished before.
        total: how many cells there are, these included.
    """
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
    if not console.is_terminal:
        yield SweepDisplay(console, None, bar, rows=rows, total=total)
        return
    with Live(console=console, transient=True, refresh_per_second=4) as live:
        yield SweepDisplay(console, live, bar, rows=rows, total=total)


def results_table(rows: Sequence[Row]) -> Table:
    """Returns mean and standard deviation of the test accuracy by method and epsilon.

    Args:
        rows: the cells that ended.
    """
    lines = lines_of(rows)
    names = line_names(line.key for line in lines)
    epsilons = sorted({one.epsilon for line in lines for one in line.spreads})
    table = Table(
        title="Test accuracy in %, mean \N{PLUS-MINUS SIGN} deviation, by epsilon",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,  # six columns of epsilon fit in a terminal of 80
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("")
    for epsilon in epsilons:
        table.add_column(epsilon_label(epsilon), justify="right", no_wrap=True)
    partition = None
    for line in lines:
        key = line.key
        if key.partition != partition:
            table.add_row(partition_label(key.partition), style="dim")
            partition = key.partition
        texts = (spread_text(line.at(epsilon)) for epsilon in epsilons)
        table.add_row(
            f" {names[key]}",
            *(text.replace(" ", "") for text in texts),
            style="bold" if key.method == FEDERATION else None,
        )
    return table


def row_line(row: Row, *, number: int, total: int) -> Text:
    """Returns a cell in a line: what it is, and what it gave or why it failed."""
    width = len(str(total))
    text = Text(f"cell {number:>{width}}/{total}  {cell_text(row.cell)}  ")
    if row.result is None:
        text.append(f"failed: {row.error}", "red")
        return text
    result = row.result
    text.append(f"accuracy {percent(result.test_accuracy)}", "bold")
    text.append(f"  up {bytes_text(result.bytes_up)}  {seconds_text(result.seconds)}")
    return text


def cell_text(cell: Cell) -> str:
    """Returns a cell in words."""
    words = [
        NAMES[cell.method],
        "" if cell.mechanism == "none" else cell.mechanism,
        cell.rule,
        partition_label(cell.partition),
        f"epsilon {epsilon_label(cell.epsilon)}",
        f"seed {cell.seed}",
    ]
    return ", ".join(word for word in words if word)
