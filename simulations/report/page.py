"""``report.html``: from a run folder to one self-contained page."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from common.atomic_file import write_atomically
from common.config import Config, load_config
from common.errors import ConfigError, DataError
from common.head_plan import planned_rounds
from common.run_folder import RunFolder
from server.outcome import Outcome, read_outcome
from simulations.privacy_statement import privacy_statement
from simulations.report import content
from simulations.report.attendance import attendance
from simulations.report.figures import draw_figures
from simulations.report.missed import missed_rows
from simulations.report.notices import notices
from simulations.report.personal import personal_table
from simulations.report.points import points
from simulations.rounds import RoundFigures, read_rounds
from simulations.summary import Summary
from simulations.wording import percent, seconds_text


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run folder says; the report knows nothing else.

    Attributes:
        config: the resolved config.
        keys: the same, as dotted keys and text.
        environment: versions and machine, as dotted keys and text.
        metrics: the rounds, at least one.
        summary: the figures.
        outcome: how a deployed run ended; None for a simulation.
    """

    config: Config
    keys: dict[str, str]
    environment: dict[str, str]
    metrics: tuple[RoundFigures, ...]
    summary: Summary
    outcome: Outcome | None = None


def write_report(folder: RunFolder) -> Path:
    """Writes the report of a finished run.

    Args:
        folder: its config, environment, metrics and summary are read, nothing else.

    Returns:
        The page's path.

    Raises:
        DataError: one of these files is missing or not what a run writes.
    """
    page = render(read_run(folder))
    write_atomically(folder.report, page.encode())
    return folder.report


def read_run(folder: RunFolder) -> RunRecord:
    """Reads what the report needs.

    Raises:
        DataError: a file is missing or not what a run writes.
    """
    summary = Summary.from_json(_text(folder.summary), source=str(folder.summary))
    metrics = read_rounds(folder.metrics)
    if not metrics:
        raise DataError(f"{folder.metrics} holds no round. No report was written.")
    return RunRecord(
        config=_config(folder.config),
        keys=content.flattened(tomllib.loads(_text(folder.config))),
        environment=_environment(folder.environment),
        metrics=metrics,
        summary=summary,
        outcome=read_outcome(folder),
    )


def render(run: RunRecord) -> str:
    """Returns the page; the same run gives the same bytes."""
    environment = Environment(
        loader=PackageLoader("simulations", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "seconds": seconds_text}
    style = resources.files("simulations").joinpath("report", "page.css")
    return environment.get_template("page.html.jinja").render(
        # Ours, not the user's: the only strings that are not escaped.
        style=Markup(style.read_text("utf-8")),  # noqa: S704
        figures=[
            (figure, Markup(figure.svg))  # noqa: S704
            for figure in draw_figures(points(run.metrics, run.summary))
        ],
        run=run,
        summary=run.summary,
        statement=privacy_statement(run.summary),
        lede=content.lede(run.config, run.summary),
        cards=content.cards(run.summary),
        notices=notices(
            run.metrics,
            run.summary,
            planned=planned_rounds(run.config),
            outcome=run.outcome,
        ),
        attendance=attendance(run.metrics),
        sites=content.site_rows(run.config, run.summary),
        missed=missed_rows(run.summary, run.metrics),
        personal=personal_table(run.config, run.summary),
        command=content.reproduce(run.summary),
    )


def _config(path: Path) -> Config:
    try:
        return load_config(path)
    except ConfigError as error:
        fault = " ".join(str(error).split())
        raise DataError(f"{path}: {fault} No report was written.") from error


def _environment(path: Path) -> dict[str, str]:
    try:
        values = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path} is not JSON: {error}. No report was written."
        ) from error
    if not isinstance(values, dict):
        raise DataError(f"{path} must hold a JSON object. No report was written.")
    return content.flattened(values)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fault = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(
            f"{path} cannot be read: {fault}. Is it the folder of a finished run? If "
            "the run was interrupted, `fedstill simulate ... --resume` finishes it, or "
            "`fedstill run --resume ...` one on separate machines. No report was "
            "written."
        ) from error
