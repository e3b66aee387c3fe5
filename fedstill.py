"""Fedstill's front door: the command ``fedstill`` and the public Python API.

Everything behind it is imported when it is used: a site that serves its data loads no
simulations, and ``fedstill --help`` loads neither torch nor matplotlib.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import click
import typer
from typer.core import TyperGroup

from common.deployment.layout import BundleFolder, DeploymentFolder
from common.environment import quiet_environment
from common.errors import ConfigError, FedstillError
from common.finding import Finding
from common.finding_words import counts_line, finding_lines
from common.findings import exit_code
from common.output_format import Format, OutputFormat

if TYPE_CHECKING:
    from torch import nn

    from common.config import Config
    from common.run_plan import Scalar
    from simulations.summary import Summary
    from simulations.tradeoff.tradeoff import Sweep

__all__ = ["load_student", "main", "report", "simulate", "tradeoff"]

# Before anything else is imported: Flower, Ray and OpenMP look only once.
quiet_environment()

# Command -> the module whose typer application, `app`, holds it.
COMMANDS = {
    "simulate": "simulations.cli",
    "run": "simulations.run_cli",
    "report": "simulations.cli",
    "predict": "server.cli",
    "tradeoff": "simulations.tradeoff_cli",
    "check": "simulations.check_cli",
    "config": "simulations.check_cli",
    "transfer": "server.transfer_cli",
    "site": "client.cli",
    "deploy": "server.deploy_cli",
    "doctor": "fedstill",
}


def simulate(
    config: Path | str | Config,
    *,
    output: Path | str | None = None,
    resume: bool = False,
    **overrides: Scalar,
) -> Summary:
    """Runs a whole federation on this machine and returns its figures.

    ::

        summary = fedstill.simulate("digits-demo", rounds=2, privacy__epsilon=1.0)
        print(summary.global_student.test_accuracy)

    Args:
        config: a TOML file, the name of a bundled config, or a config.
        output: the run folder; by default ``runs/<name>``.
        resume: whether to continue the run in an existing folder.
        **overrides: keys of the config; two underscores stand for a dot, one for a
            dash, so ``train__learning_rate`` is ``train.learning-rate``. The dotted
            names work as well: ``**{"train.learning-rate": 0.1}``.

    Returns:
        The figures, as in the run folder's ``summary.json``.

    Raises:
        FedstillError: bad config or data, a taken folder, a missed quorum, a refusal.
    """
    from simulations.simulate import simulate as run  # noqa: PLC0415

    return run(
        config,
        output=None if output is None else Path(output),
        resume=resume,
        overrides={_dotted(key): value for key, value in overrides.items()},
    )


def tradeoff(
    config: Path | str | Config,
    *,
    epsilon: Iterable[float] = (0.5, 1, 2, 4, 8, float("inf")),
    seeds: int = 5,
    mechanism: Iterable[str] | None = None,
    rule: Iterable[str] | None = None,
    partition: Iterable[str] | None = None,
    baselines: Iterable[str] | None = None,
    output: Path | str | None = None,
    resume: bool = False,
    jobs: int = 1,
    **overrides: Scalar,
) -> Sweep:
    """Measures accuracy against epsilon; returns ``rows``, ``failed`` and ``folder``.

    Args:
        config: as for :func:`simulate`.
        epsilon: the most that a site may spend; infinite for no privacy.
        seeds: how many seeds, from the config's own upwards.
        mechanism: ``dp-head``, ``dp-sgd``; None takes the config's, here and below.
        rule: aggregation rules of ordinary students.
        partition: ``iid``, ``dirichlet:0.5``, ``shards:2``.
        baselines: what to compare with; empty for nothing, None for all there are.
        output: the folder; by default ``runs/<name>-tradeoff``.
        resume: whether to go on in an existing folder; finished cells are kept.
        jobs: cells at a time; from two on each has a process of its own.
        **overrides: as for :func:`simulate`.

    Raises:
        FedstillError: bad config, axes or data, or a taken folder.
    """
    from simulations.tradeoff.from_python import tradeoff as run  # noqa: PLC0415

    return run(
        config,
        epsilon=epsilon,
        seeds=seeds,
        lists={"mechanism": mechanism, "rule": rule}
        | {"partition": partition, "baselines": baselines},
        output=None if output is None else Path(output),
        resume=resume,
        jobs=jobs,
        overrides={_dotted(key): value for key, value in overrides.items()},
    )


def report(run_folder: Path | str) -> Path:
    """Writes the ``report.html`` of a finished run again and returns its path.

    Args:
        run_folder: what :func:`simulate` left behind.

    Raises:
        DataError: the folder does not hold a finished run.
    """
    from common.run_folder import RunFolder  # noqa: PLC0415
    from simulations.report.page import write_report  # noqa: PLC0415

    return write_report(RunFolder(Path(run_folder)))


def load_student(path: Path | str, *, allow_code: bool = False) -> nn.Module:
    """Returns a student from its file: a torch module, from inputs to logits.

    ::

        student = fedstill.load_student("runs/digits-demo")
        probabilities = student(inputs).softmax(dim=1)

    It is in evaluation mode. ``inputs`` is float32 [batch, *input_shape], scaled as in
    training; ``fedstill predict`` does that for a file of examples.

    Args:
        path: a student file (``.safetensors``), or a run folder, whose global student
            is meant.
        allow_code: whether a model of its author's own may be imported, which runs
            that code; students of the zoo never need it.

    Raises:
        DataError: no student file, or a student that cannot be built.
    """
    from common.student_file import load_student as load  # noqa: PLC0415

    return load(path, allow_code=allow_code)


def main() -> None:
    """Runs the command ``fedstill``; a user's mistake is one line, no traceback."""
    try:
        _app(prog_name="fedstill")
    except FedstillError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        # A folder that cannot be written, a full disk. Without a file it is a bug.
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}.", FedstillError.exit_code)


def _fail(message: str, exit_code: int) -> NoReturn:
    typer.secho("Error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(message, err=True)
    sys.exit(exit_code)


class _LazyCommands(TyperGroup):
    """Joins the command groups, importing one only when its command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        group = typer.main.get_group(importlib.import_module(COMMANDS[cmd_name]).app)
        return group.get_command(ctx, cmd_name)


# The one command of the front door's own: it goes to either side.
app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)

_app = typer.Typer(
    cls=_LazyCommands,
    name="fedstill",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    # Tracebacks with local variables could print private data.
    pretty_exceptions_enable=False,
    epilog="[bold]Start here[/bold]\n\n  fedstill simulate digits-demo\n\n"
    "  fedstill simulate --help",
)


def _print_version(value: bool) -> None:  # noqa: FBT001
    if value:
        typer.echo(f"fedstill {metadata.version('fedstill')}")
        raise typer.Exit


@app.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill doctor /etc/fedstill/ward-study\n\n"
    "  fedstill doctor /etc/fedstill/hospital-a --policy site.toml\n\n"
    "[bold]Exit codes[/bold]\n\n  0 nothing or warnings, 2 something is to be mended"
)
def doctor(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]")] = Path(),
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="On a site: the custodian's policy, for ledger and budget.",
            show_default=False,
            readable=False,  # the doctor itself says who may read it
        ),
    ] = None,
    *,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Say what would stop the next run, on a site or on the coordinator's machine.

    FOLDER is what the coordinator sent to the site, or what `fedstill deploy init`
    made; this one if not said.
    """
    findings = list(_diagnose(folder, policy))
    code = exit_code(findings)
    if output_format is OutputFormat.JSON:
        found = [asdict(one) for one in findings]
        typer.echo(json.dumps({"ok": code == 0, "findings": found}, indent=2))
    else:
        for line in finding_lines(findings):
            typer.echo(line)
        typer.echo(counts_line(findings))
    if code:
        raise typer.Exit(code)


def _diagnose(folder: Path, policy: Path | None) -> Iterator[Finding]:
    """Asks the side whose folder it is: client and server do not know one another."""
    if BundleFolder(folder).bundle.is_file():
        from client.node.doctor import site_findings  # noqa: PLC0415

        return site_findings(folder, policy)
    if DeploymentFolder(folder).federation.is_file():
        from server.deployment.doctor import server_findings  # noqa: PLC0415

        return server_findings(folder)
    raise ConfigError(
        f"{folder} has neither bundle.toml, as what the coordinator sent to a site, "
        "nor federation.toml, as what `fedstill deploy init` made. Nothing was looked "
        "at."
    )


@_app.callback()
def _options(
    *,
    version: bool = typer.Option(
        False,  # noqa: FBT003
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Show the version and leave.",
    ),
) -> None:
    """Federated, private knowledge distillation.

    Sites learn from one another's soft labels under differential privacy.
    """
    del version


def _dotted(keyword: str) -> str:
    return keyword.replace("__", ".").replace("_", "-")


if __name__ == "__main__":
    main()
