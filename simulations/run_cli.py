"""``fedstill run``: what a coordinator types to run a federation.

Whatever is heavy is imported when the command runs, so that help and usage errors are
instant.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from common.errors import FedstillError
from common.output_format import OutputFormat
from simulations.cli import (
    INTERRUPTED,
    Assignments,
    Format,
    parse_assignments,
    require_extra,
)

if TYPE_CHECKING:
    from server.outcome import Outcome
    from simulations.deployed_run import DeployedRun
    from simulations.progress import RunProgress

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)

EXAMPLES = """[bold]Examples[/bold]

  fedstill run experiment.toml --deployment /etc/fedstill/ward-study

  fedstill run experiment.toml --set rounds=20 --output /srv/runs/longer

  fedstill run --resume ward-study/runs/first

[bold]Exit codes[/bold]

  0 done, 1 failed: a quorum missed, a fault, 2 the config or data, 3 refused by the
  sites' policies or budgets, 130 stopped by Ctrl-C"""


@app.command(epilog=EXAMPLES)
def run(
    config: Annotated[
        str | None, typer.Argument(metavar="[CONFIG]", show_default=False)
    ] = None,
    deployment: Annotated[
        Path,
        typer.Option(
            "--deployment",
            metavar="DIR",
            help="The folder that `fedstill deploy init` made; this one if not said.",
            show_default=False,
        ),
    ] = Path(),
    assignments: Assignments = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run folder; runs/<name> of the deployment where nothing is said.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="RUN_FOLDER",
            help="Go on with a run, or follow one that is under way.",
            show_default=False,
        ),
    ] = None,
    *,
    no_retry: Annotated[
        bool,
        typer.Option("--no-retry", help="Do not go on where the ServerApp dies."),
    ] = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Run a federation on separate machines, follow it, and report on it.

    CONFIG is a TOML file. To be typed on the coordinator's machine, as the user of the
    services. Where this command is killed, the run goes on: --resume follows it.
    """
    overrides = parse_assignments(assignments or [])
    if (config is None) == (resume is None):
        raise typer.BadParameter("give either a CONFIG or --resume RUN_FOLDER.")
    if resume is not None and (overrides or output):
        raise typer.BadParameter("a run goes on as it began: no --set and no --output.")
    require_extra()
    from simulations.deployed_run import prepare_run, reopen_run  # noqa: PLC0415

    if resume is not None:
        found = reopen_run(resume, deployment)
    else:
        found = prepare_run(str(config), deployment, output=output, overrides=overrides)
    outcome = _follow(found, retries=not no_retry)
    _show(found, outcome, output_format)


def _follow(run: DeployedRun, *, retries: bool) -> Outcome:
    from common.head_plan import planned_rounds  # noqa: PLC0415
    from simulations.progress import showing_progress  # noqa: PLC0415

    rounds = planned_rounds(run.config)
    with showing_progress(Console(stderr=True), rounds=rounds) as progress:
        progress.on_stage("starting")
        return _carry_out(run, progress, retries=retries)


def _carry_out(run: DeployedRun, progress: RunProgress, *, retries: bool) -> Outcome:
    from server.deployment.run_watch import Watcher  # noqa: PLC0415
    from simulations.deployed_run import carry_out  # noqa: PLC0415
    from simulations.rounds import round_figures  # noqa: PLC0415

    watcher = Watcher(
        on_line=lambda line: progress.show_round(round_figures(line)),
        say=progress.say,
    )
    watch = None
    try:
        watch, follow = carry_out(run, watcher, retries=retries)
        progress.on_stage("federation")
        return follow()
    except KeyboardInterrupt:
        if watch is not None:
            watch.stop()
        typer.echo(
            f"Stopped. Every finished round is kept. Continue with: {_resume(run)}",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None


def _show(run: DeployedRun, outcome: Outcome, output_format: OutputFormat) -> None:
    from simulations.deployed_run import write_results  # noqa: PLC0415
    from simulations.table import print_results  # noqa: PLC0415

    summary = write_results(run)
    if summary is not None and output_format is OutputFormat.JSON:
        typer.echo(summary.to_json(), nl=False)
    elif summary is not None:
        print_results(Console(), summary, run.folder)
    if outcome.exit_code:
        typer.secho("Error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
        typer.echo(outcome.error, err=True)
        if outcome.exit_code == FedstillError.exit_code and run.folder.config.exists():
            typer.echo(f"To go on: {_resume(run)}", err=True)
        raise typer.Exit(outcome.exit_code)


def _resume(run: DeployedRun) -> str:
    words = ["fedstill", "run", "--resume", str(run.folder.root)]
    return shlex.join([*words, "--deployment", str(run.deployment.root)])
