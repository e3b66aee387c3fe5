"""``report.html`` of a sweep: one self-contained page."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from common.atomic_file import write_atomically
from simulations.report import tradeoff_content as content
from simulations.report import tradeoff_headline as headlines
from simulations.report.content import flattened
from simulations.report.figures import FigureSvg
from simulations.report.tradeoff_bytes import bytes_figure
from simulations.report.tradeoff_figures import epsilon_figure
from simulations.report.tradeoff_statement import sweep_headline, sweep_statement
from simulations.tradeoff.curves import Curve, curves_of
from simulations.tradeoff.labels import epsilon_label, line_names
from simulations.tradeoff.lines import Line, lines_of
from simulations.tradeoff.tradeoff import Sweep

STYLES = ("page.css", "tradeoff.css")


def write_tradeoff_report(sweep: Sweep) -> Path:
    """Writes the report of a sweep into its folder and returns the page's path."""
    environment = json.loads(sweep.folder.environment.read_text("utf-8"))
    page = render_tradeoff(sweep, environment=flattened(environment))
    write_atomically(sweep.folder.report, page.encode())
    return sweep.folder.report


def render_tradeoff(sweep: Sweep, *, environment: dict[str, str]) -> str:
    """Returns the page; the same sweep gives the same bytes.

    Args:
        sweep: the sweep.
        environment: versions and machine, as dotted keys and text.
    """
    base, axes, rows = sweep.base, sweep.axes, sweep.rows
    order = list(axes.partitions)
    lines = sorted(lines_of(rows), key=lambda one: order.index(one.key.partition))
    epsilon = headlines.headline_epsilon(axes)
    curves = curves_of(rows, epsilon=epsilon)
    names = line_names(line.key for line in lines)
    epsilons = sorted({one.epsilon for line in lines for one in line.spreads})
    spent = [
        row.result.epsilon_spent
        for row in rows
        if row.result is not None and row.cell.is_private
    ]
    keys = base.to_run_config()
    return _template().render(
        style=Markup("\n".join(map(_style, STYLES))),  # noqa: S704 - ours
        name=base.name,
        headline=headlines.headline(lines, axes, sites=base.sites),
        lede=content.lede(base, axes, rows),
        cards=headlines.cards(lines, curves, axes),
        notices=content.notices(rows),
        epsilon_figures=_marked(_epsilon_figures(lines, order)),
        bytes_figures=_marked(_bytes_figures(curves, order)),
        at=f"epsilon {epsilon_label(epsilon)}",
        columns=[epsilon_label(one) for one in epsilons],
        table=content.table_rows(lines, names, epsilons),
        costs=content.cost_rows(rows),
        cost=content.cost_sentence(rows),
        promise=sweep_headline(base, axes),
        parts=sweep_statement(
            base,
            axes,
            most_spent=max(spent, default=None),
            test_examples=base.data.test,
        ),
        command=content.reproduce(
            axes, {key: f"{keys[key]}" for key in sweep.fixed}, name=base.name
        ),
        keys=flattened(keys),
        environment=environment,
        run_id=base.run_id,
        seeds=axes.seeds,
    )


def _epsilon_figures(lines: list[Line], order: list[str]) -> list[FigureSvg]:
    figures = []
    for number, partition in enumerate(order, start=1):
        here = [one for one in lines if one.key.partition == partition]
        if here:
            names = line_names(one.key for one in here)
            figures.append(epsilon_figure(here, names, number=number))
    return figures


def _bytes_figures(curves: tuple[Curve, ...], order: list[str]) -> list[FigureSvg]:
    figures = []
    for number, partition in enumerate(order, start=1):
        here = [one for one in curves if one.key.partition == partition]
        if here:
            names = line_names(one.key for one in here)
            caption = content.bytes_caption(here)
            figures.append(bytes_figure(here, names, caption=caption, number=number))
    return figures


def _marked(figures: list[FigureSvg]) -> list[tuple[FigureSvg, Markup]]:
    return [(one, Markup(one.svg)) for one in figures]  # noqa: S704 - ours


def _style(name: str) -> str:
    file = resources.files("simulations").joinpath("report", name)
    return file.read_text("utf-8")


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("simulations", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("tradeoff.html.jinja")
