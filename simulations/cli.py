"""``fedstill simulate`` and ``fedstill report``.

Whatever is heavy (torch, Flower, matplotlib) is imported when a command runs, so that
help and usage errors are instant.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from common.errors import FedstillError
from common.output_format import OutputFormat
from common.run_folder import RunFolder

INTERRUPTED = 130
NEEDED = ("flwr_datasets", "jinja2", "matplotlib")

# Arguments are described in the docstrings: click 8.5 loses typer's help for them.
app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)


Format = Annotated[
    OutputFormat,
    typer.Option(
        "--format",
        help="What standard output carries: a table, or the figures as JSON. Progress "
        "and errors go to standard error.",
    ),
]

Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key of the config, such as train.epochs=3. May be repeated.",
    ),
]

SIMULATE_EXAMPLES = """[bold]Examples[/bold]

  fedstill simulate digits-demo

  fedstill simulate digits-demo --set privacy.epsilon=1 --output runs/stricter

  fedstill simulate my.toml --set rounds=20 --set models=cnn:10 --no-baselines

  fedstill simulate my.toml --resume

  fedstill simulate my.toml --format json | jq .global_student.test_accuracy

[bold]Exit codes[/bold]

  0 done, 1 failed, 2 the config or data, 3 refused by a policy or budget"""

REPORT_EXAMPLES = """[bold]Example[/bold]

  fedstill report runs/digits-demo"""


@app.command(epilog=SIMULATE_EXAMPLES)
def simulate(
    config: Annotated[
        str,
        typer.Argument(metavar="CONFIG", show_default=False),
    ],
    assignments: Assignments = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run folder; runs/<name> where nothing is said.",
            show_default=False,
        ),
    ] = None,
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in an existing folder.")
    ] = False,
    no_baselines: Annotated[
        bool, typer.Option("--no-baselines", help="Skip what the run is compared with.")
    ] = False,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Run a whole federation on this machine, and report on it.

    CONFIG is a TOML file, or the name of a bundled config: digits-demo,
    fashion-mnist, mnist.
    """
    overrides = parse_assignments(assignments or [])
    if no_baselines:
        overrides["baselines.enabled"] = "false"
    require_extra()
    _simulate(
        config,
        overrides=overrides,
        output=output,
        resume=resume,
        output_format=output_format,
    )


@app.command(epilog=REPORT_EXAMPLES)
def report(
    run_folder: Annotated[
        Path,
        typer.Argument(metavar="RUN_FOLDER", show_default=False),
    ],
    *,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Write the report.html of a run again.

    RUN_FOLDER is what `fedstill simulate` or `fedstill run` left behind, such as
    runs/digits-demo.
    """
    require_extra()
    from simulations.deployed_refresh import refresh_results  # noqa: PLC0415
    from simulations.report.page import write_report  # noqa: PLC0415
    from simulations.table import next_step  # noqa: PLC0415

    folder = RunFolder(run_folder)
    refresh_results(folder)
    path = write_report(folder)
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps({"report": str(path)}))
    else:
        typer.echo(next_step(folder))


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """Returns ``["rounds=2"]`` as ``{"rounds": "2"}``; the last of equal keys wins.

    Raises:
        typer.BadParameter: an assignment without a key or an equals sign.
    """
    result: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (key.strip() and equals):
            raise typer.BadParameter(
                f"{assignment!r} is not KEY=VALUE, such as train.epochs=3.",
                param_hint="--set",
            )
        result[key.strip()] = value.strip()
    return result


def _simulate(
    name: str,
    *,
    overrides: dict[str, str],
    output: Path | None,
    resume: bool,
    output_format: OutputFormat,
) -> None:
    from common.config import load_config  # noqa: PLC0415
    from common.head_plan import planned_rounds  # noqa: PLC0415
    from simulations.locate import choose_run_folder, find_config  # noqa: PLC0415
    from simulations.progress import showing_progress  # noqa: PLC0415
    from simulations.table import print_results  # noqa: PLC0415

    # A faulty config is told of before torch has been loaded.
    config = load_config(find_config(name), overrides)
    folder = choose_run_folder(config, output)
    rounds = planned_rounds(config)
    try:
        with showing_progress(Console(stderr=True), rounds=rounds) as progress:
            progress.on_stage("starting")
            from simulations.simulate import simulate as run  # noqa: PLC0415

            summary = run(
                config,
                output=folder.root,
                resume=resume,
                listener=progress.on_round,
                on_stage=progress.on_stage,
            )
    except KeyboardInterrupt:
        _say_how_to_resume(name, overrides, folder)
        raise typer.Exit(INTERRUPTED) from None
    if output_format is OutputFormat.JSON:
        typer.echo(summary.to_json(), nl=False)
    else:
        print_results(Console(), summary, folder)


def _say_how_to_resume(name: str, overrides: dict[str, str], folder: RunFolder) -> None:
    if not folder.config.exists():
        typer.echo("Interrupted before the first round; nothing was kept.", err=True)
        return
    command = ["fedstill", "simulate", name]
    command += [f"--set={key}={value}" for key, value in overrides.items()]
    command += [f"--output={folder.root}", "--resume"]
    typer.echo(
        f"Interrupted. Every finished round is kept. Continue with: "
        f"{shlex.join(command)}",
        err=True,
    )


def require_extra() -> None:
    """Raises FedstillError where what simulations need is not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise FedstillError(
            f"Simulations need {', '.join(missing)}, not installed here. They come "
            "with the extra: pip install '.[simulations]'. Nothing was run."
        )
