"""What both commands share: a display, and mistakes told in a line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from common.errors import FedstillError
from simulations.tradeoff.cells import Row
from simulations.tradeoff.display import showing_sweep
from simulations.tradeoff.sweep import RowListener

FAILED, INTERRUPTED = 1, 130


def run_command(command: Callable[[], int]) -> None:
    """Runs a command and ends the process with its exit code."""
    try:
        code = command()
    except FedstillError as error:
        say(f"Error: {error}")
        code = error.exit_code
    except KeyboardInterrupt:
        say("Interrupted. Finished cells are kept: the same command goes on.")
        code = INTERRUPTED
    sys.exit(code)


def say(line: str) -> None:
    """Writes a line to standard error, where progress goes."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a command's output


@contextmanager
def showing(rows: Sequence[Row], total: int) -> Iterator[RowListener]:
    """Shows the cells of a sweep as they end."""
    with showing_sweep(Console(stderr=True), rows=rows, total=total) as display:
        yield display.on_row
