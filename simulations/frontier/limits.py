"""Where it breaks, in one command.

::

    python -m simulations.frontier.limits FOLDER

FOLDER holds ``mnist/`` and ``fashion-mnist/``, each with its four IDX files. Every run
is kept in ``--output``; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from common.environment import quiet_environment

COMMAND = "python -m simulations.frontier.limits FOLDER"
SIDE, NUM_CLASSES = 28, 10  # of both data sets


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is left of the probes and writes the page; 1 if a run failed."""
    given = _parse(arguments)
    from simulations.frontier import command, page, probing, sweeps  # noqa: PLC0415
    from simulations.frontier import traffic as bytes_of  # noqa: PLC0415
    from simulations.frontier.limits_content import limits_text  # noqa: PLC0415
    from simulations.frontier.probes import sections, tasks_of  # noqa: PLC0415

    page.require_part(given.page, page.LIMITS)
    bases = {one.name: one.base(given.data) for one in sweeps.SWEEPS}
    base = bases[sweeps.FASHION_MNIST]
    world = given.output.absolute() / probing.OTHER_WORLD
    chosen = sections(str(world))
    tasks = tasks_of(base, chosen)
    folder = probing.open_folder(base, given.output)
    probing.write_other_world(bases[sweeps.MNIST], world)
    rows = probing.run_probes(
        tasks, folder, listener=lambda one, row: command.say(probing.line(one, row))
    )
    weights = bytes_of.weight_bytes(
        sweeps.CNN, input_shape=(1, SIDE, SIDE), num_classes=NUM_CLASSES
    )
    text = limits_text(
        chosen,
        rows,
        traffic=bytes_of.traffic_by_probe(
            tasks, rows, weights=weights, num_classes=NUM_CLASSES
        ),
        environment=folder.environment,
        command=COMMAND,
    )
    page.write_part(given.page, page.LIMITS, text)
    command.say(f"Next: read {given.page}.")
    has_failed = any(row.error for group in rows.values() for row in group)
    return command.FAILED if has_failed else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulations.frontier.limits")
    parser.add_argument("data", type=Path, help="holds mnist/ and fashion-mnist/")
    parser.add_argument("--output", type=Path, default=Path("runs/limits"))
    parser.add_argument("--page", type=Path, default=Path("docs/frontier.md"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    quiet_environment()  # before torch is imported: OpenMP looks only once
    from simulations.frontier.command import run_command

    run_command(main)
