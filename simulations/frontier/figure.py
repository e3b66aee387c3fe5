"""The pictures of ``docs/frontier.md``: panels of a sweep's report, side by side.

A picture in a page of text has no style sheet around it, so it carries the report's
colours in light and in dark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from simulations.frontier.equal_accuracy import EPSILONS, curve_pair
from simulations.frontier.sweeps import PARTITIONS, TITLES, SweepResult, rows_of
from simulations.report.axes import WIDTH
from simulations.report.tradeoff_bytes import bytes_figure
from simulations.report.tradeoff_figures import TALL, epsilon_figure
from simulations.tradeoff.labels import (
    NAMES,
    epsilon_label,
    line_names,
    partition_label,
)
from simulations.tradeoff.lines import lines_of

UNITS = 72  # an inch
PANEL_WIDTH, PANEL_HEIGHT = round(WIDTH * UNITS), round(TALL * UNITS)
TITLE_HEIGHT, MARGIN = 28, 16
ACROSS, DOWN = PANEL_WIDTH + MARGIN, PANEL_HEIGHT + TITLE_HEIGHT + MARGIN
_FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_LIGHT = re.compile(r":root \{[^}]*\}")
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{[^}]*\}\s*\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """A figure and its place, counted from 0."""

    svg: str
    title: str
    row: int
    column: int


def frontier_svg(results: Sequence[SweepResult]) -> str:
    """Returns accuracy against epsilon: a row a data set, a column a partition."""
    panels = []
    for row, data_set in enumerate(TITLES):
        lines = lines_of(rows_of(results, data_set))
        for column, partition in enumerate(PARTITIONS):
            here = [one for one in lines if one.key.partition == partition]
            if not here:
                continue
            number = 1 + row * len(PARTITIONS) + column
            names = line_names(one.key for one in here)
            panels.append(
                _Panel(
                    svg=epsilon_figure(here, names, number=number).svg,
                    title=f"{TITLES[data_set]}, {partition_label(partition)}",
                    row=row,
                    column=column,
                )
            )
    return _picture(panels, rows=len(TITLES), columns=len(PARTITIONS))


def bytes_svg(results: Sequence[SweepResult]) -> str:
    """Returns accuracy against bytes of ours and of DP-FedAvg, a column an epsilon."""
    panels = []
    for column, epsilon in enumerate(EPSILONS):
        pair = curve_pair(results, epsilon)
        if pair is None:
            continue
        names = {one.key: NAMES[one.key.method] for one in pair}
        figure = bytes_figure(pair, names, caption="", number=1 + column)
        title = f"Fashion-MNIST, Dirichlet 0.1, epsilon {epsilon_label(epsilon)}"
        panels.append(_Panel(svg=figure.svg, title=title, row=0, column=column))
    return _picture(panels, rows=1, columns=len(EPSILONS))


def _picture(panels: Sequence[_Panel], *, rows: int, columns: int) -> str:
    width, height = MARGIN + columns * ACROSS, MARGIN + rows * DOWN
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<style>{_style()}</style>\n"
        f'<rect width="{width}" height="{height}" fill="var(--paper)"/>\n'
        f"{''.join(map(_placed, panels))}</svg>\n"
    )


def _placed(panel: _Panel) -> str:
    x, y = MARGIN + panel.column * ACROSS, MARGIN + panel.row * DOWN
    head = (
        f'<text x="{x}" y="{y + TITLE_HEIGHT - 12}" font-size="15" font-weight="600" '
        f'fill="var(--ink)">{panel.title}</text>\n'
    )
    place = (
        f'<svg x="{x}" y="{y + TITLE_HEIGHT}" width="{PANEL_WIDTH}" '
        f'height="{PANEL_HEIGHT}" overflow="visible" '
    )
    return f"{head}{panel.svg.replace('<svg ', place, 1)}\n"


def _style() -> str:
    page = resources.files("simulations").joinpath("report", "page.css").read_text()
    colours = [found[0] for kind in (_LIGHT, _DARK) if (found := kind.search(page))]
    return f"{' '.join(colours)} svg {{ font-family: {_FONT}; }}"
