"""The whole frontier in one command.

::

    python -m simulations.frontier FOLDER

FOLDER holds ``mnist/`` and ``fashion-mnist/``, each with its four IDX files. Every
sweep lies in a folder of its own below ``--output``, with a report; the same command
goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.atomic_file import write_atomically
from common.environment import quiet_environment

if TYPE_CHECKING:
    from simulations.frontier.sweeps import SweepResult


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is left of the sweeps and writes the page; 1 if a cell failed."""
    given = _parse(arguments)
    from simulations.frontier import command, page, sweeps  # noqa: PLC0415

    page.require_part(given.page, page.FRONTIER)
    # All of them before the first hour: a folder that is missing stops nothing later.
    bases = [(spec, spec.base(given.data)) for spec in sweeps.SWEEPS]
    results = []
    for spec, base in bases:
        command.say(f"{spec.name}:")
        results.append(
            sweeps.run_sweep(
                spec,
                base,
                given.output,
                seeds=given.seeds,
                jobs=given.jobs,
                display=command.showing,
            )
        )
    _publish(results, given.page, seeds=given.seeds)
    command.say(f"Next: read {given.page}.")
    has_failed = any(one.sweep.failed for one in results)
    return command.FAILED if has_failed else 0


def _publish(results: Sequence[SweepResult], page: Path, *, seeds: int) -> None:
    from simulations.frontier import content, figure  # noqa: PLC0415
    from simulations.frontier.page import FRONTIER, write_part  # noqa: PLC0415

    for name, svg in (
        (content.FIGURE, figure.frontier_svg(results)),
        (content.BYTES_FIGURE, figure.bytes_svg(results)),
    ):
        file = page.parent / name
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, svg.encode())
    said = f"python -m simulations.frontier FOLDER --seeds {seeds}"
    text = content.frontier_text(results, seeds=seeds, command=said)
    write_part(page, FRONTIER, text)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulations.frontier")
    parser.add_argument("data", type=Path, help="holds mnist/ and fashion-mnist/")
    parser.add_argument("--output", type=Path, default=Path("runs/frontier"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time")
    parser.add_argument("--page", type=Path, default=Path("docs/frontier.md"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    quiet_environment()  # before torch is imported: OpenMP looks only once
    from simulations.frontier.command import run_command

    run_command(main)
