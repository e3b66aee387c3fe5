"""``fedstill tradeoff``."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from common.output_format import OutputFormat
from simulations.cli import (
    INTERRUPTED,
    Assignments,
    Format,
    parse_assignments,
    require_extra,
)

if TYPE_CHECKING:
    from simulations.tradeoff.cells import Row
    from simulations.tradeoff.sweep import RowListener
    from simulations.tradeoff.tradeoff import Sweep

FAILED = 1

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)

EXAMPLES = """[bold]Examples[/bold]

  fedstill tradeoff digits-demo --epsilon 1,4,inf --seeds 3

  fedstill tradeoff digits-demo --epsilon 0.5,1,2,4,8 --partition iid,dirichlet:0.1

  fedstill tradeoff my.toml --mechanism dp-head,dp-sgd --baselines alone,pooled

  fedstill tradeoff my.toml --resume

[bold]Exit codes[/bold]

  0 done, 1 a cell failed, 2 the config or data"""


@app.command(epilog=EXAMPLES)
def tradeoff(  # noqa: PLR0913 - typer reads options from the signature
    config: Annotated[str, typer.Argument(metavar="CONFIG", show_default=False)],
    epsilon: Annotated[
        str,
        typer.Option(metavar="LIST", help="The most a site may spend; inf for no DP."),
    ] = "0.5,1,2,4,8,inf",
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Seeds, from the config's own upwards.")
    ] = 5,
    mechanism: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="dp-head, dp-sgd.", show_default=False),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Aggregation rules of ordinary students; heads have but one.",
            show_default=False,
        ),
    ] = None,
    partition: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="iid, dirichlet:0.5, shards:2; in the order of the report.",
            show_default=False,
        ),
    ] = None,
    assignments: Assignments = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder; runs/<name>-tradeoff where nothing is said.",
            show_default=False,
        ),
    ] = None,
    *,
    baselines: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="alone, alone-without-privacy, pooled, fedavg, no-privacy.",
            show_default=False,
        ),
    ] = None,
    no_baselines: Annotated[
        bool, typer.Option("--no-baselines", help="Run the federation alone.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Cells at a time, one thread each.")
    ] = 2,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on; finished cells are kept.")
    ] = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Measure accuracy against epsilon, beside baselines on the same partitions.

    CONFIG is a TOML file, or the name of a bundled config. What no option names is as
    in the config.
    """
    require_extra()
    changes = parse_assignments(assignments or [])
    if no_baselines:
        baselines = ""
    from common.config import load_config  # noqa: PLC0415
    from simulations.locate import find_config  # noqa: PLC0415
    from simulations.tradeoff.axes import read_axes  # noqa: PLC0415
    from simulations.tradeoff.folder import choose_folder  # noqa: PLC0415
    from simulations.tradeoff.tradeoff import run_tradeoff  # noqa: PLC0415

    base = load_config(find_config(config), changes)
    axes = read_axes(
        base,
        epsilon=epsilon,
        seeds=seeds,
        mechanism=mechanism,
        rule=rule,
        partition=partition,
        baselines=baselines,
    )
    folder = choose_folder(base, output)
    try:
        sweep = run_tradeoff(
            base,
            axes,
            folder,
            jobs=jobs,
            resume=resume,
            fixed=tuple(changes),
            display=_display,
        )
        _report(sweep)
    except KeyboardInterrupt:
        given = {
            "epsilon": epsilon,
            "seeds": str(seeds),
            "mechanism": mechanism,
            "rule": rule,
            "partition": partition,
            "baselines": baselines,
            "jobs": str(jobs),
        }
        command = [*_repeated(config, given, changes), f"--output={folder.root}"]
        _say_how_to_resume(command, is_begun=folder.cells.exists())
        raise typer.Exit(INTERRUPTED) from None
    _tell(sweep, output_format)
    if sweep.failed:
        raise typer.Exit(FAILED)


@contextmanager
def _display(rows: Sequence[Row], total: int) -> Iterator[RowListener]:
    from simulations.tradeoff.display import showing_sweep  # noqa: PLC0415

    with showing_sweep(Console(stderr=True), rows=rows, total=total) as display:
        yield display.on_row


def _report(sweep: Sweep) -> None:
    from simulations.report.tradeoff_page import write_tradeoff_report  # noqa: PLC0415

    write_tradeoff_report(sweep)


def _tell(sweep: Sweep, output_format: OutputFormat) -> None:
    from simulations.tradeoff.display import results_table, row_line  # noqa: PLC0415

    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps(_figures(sweep), indent=2, allow_nan=False))
        return
    console = Console()
    console.print(results_table(sweep.rows))
    for number, row in enumerate(sweep.failed, start=1):
        line = row_line(row, number=number, total=len(sweep.failed))
        console.print(line, soft_wrap=True)
    if sweep.failed:
        console.print("The same command with --resume runs the failed cells again.")
    next_step = f"Next: open {sweep.folder.report} in a browser."
    console.print(next_step, soft_wrap=True, highlight=False)


def _figures(sweep: Sweep) -> dict[str, object]:
    """Returns what standard output carries as JSON; an infinite epsilon is null."""
    from simulations.tradeoff.lines import lines_of  # noqa: PLC0415

    return {
        "folder": str(sweep.folder.root),
        "cells": len(sweep.rows),
        "failed": len(sweep.failed),
        "lines": [
            {
                "method": line.key.method,
                "mechanism": line.key.mechanism,
                "rule": line.key.rule,
                "partition": line.key.partition,
                "epsilon": None if math.isinf(spread.epsilon) else spread.epsilon,
                "seeds": len(spread.values),
                "mean_test_accuracy": spread.mean,
                "standard_deviation": spread.deviation,
            }
            for line in lines_of(sweep.rows)
            for spread in line.spreads
        ],
    }


def _repeated(
    config: str, options: Mapping[str, str | None], changes: Mapping[str, str]
) -> list[str]:
    given = [f"--{name}={text}" for name, text in options.items() if text]
    if options["baselines"] == "":
        given.append("--no-baselines")
    return [
        *("fedstill", "tradeoff", config, *given),
        *(f"--set={key}={value}" for key, value in changes.items()),
    ]


def _say_how_to_resume(command: Sequence[str], *, is_begun: bool) -> None:
    if not is_begun:
        typer.echo("Interrupted before the first cell; nothing was kept.", err=True)
        return
    typer.echo(
        "Interrupted. Every finished cell is kept. Continue with: "
        f"{shlex.join([*command, '--resume'])}",
        err=True,
    )
