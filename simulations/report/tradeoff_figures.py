"""Accuracy against epsilon, a panel a partition."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from simulations.report.axes import WIDTH, accuracy_limits, canvas, label_right
from simulations.report.figures import FigureSvg
from simulations.report.svg import COLOURS, to_svg
from simulations.tradeoff.catalogue import (
    ALONE,
    ALONE_WITHOUT_PRIVACY,
    FEDAVG,
    FEDERATION,
    NO_PRIVACY,
    POOLED,
)
from simulations.tradeoff.labels import epsilon_label, partition_label
from simulations.tradeoff.lines import Line, LineKey, Spread
from simulations.wording import percent

# One palette for all reports: DP-FedAvg, which only sweeps have, is drawn in ink.
ROLES = {
    FEDERATION: "ours",
    NO_PRIVACY: "no-privacy",
    ALONE: "alone",
    ALONE_WITHOUT_PRIVACY: "alone",
    POOLED: "pooled",
    FEDAVG: "ink",
}
Dash = tuple[float, tuple[float, ...]]
DASHES: tuple[Dash, ...] = ((0, ()), (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
LEVELS = (NO_PRIVACY, ALONE_WITHOUT_PRIVACY)
LEVEL_DASH = (0, (4, 3))
WITH_LONG_LABELS = 0.66
TALL = 300 / 72  # inches: five lines need the height
TO_INFINITY = 0.9  # of a doubling of epsilon, the distance of infinity's column


def epsilon_figure(
    lines: Sequence[Line], names: Mapping[LineKey, str], *, number: int
) -> FigureSvg:
    """Returns accuracy against epsilon on one partition.

    Args:
        lines: of that partition, at least one.
        names: a name for each.
        number: of the partition in the page, from 1.
    """
    places = _places(_epsilons(lines))
    with canvas(right=WITH_LONG_LABELS) as (figure, axes):
        figure.set_size_inches(WIDTH, TALL)
        figure.subplots_adjust(bottom=0.135)  # the same height of text in a taller one
        accuracy_limits(
            axes,
            [v for line in lines for one in line.spreads for v in one.values.values()],
        )
        for line, dash in zip(lines, dashes([o.key for o in lines]), strict=True):
            _plot(axes, line, places, dash)
        _epsilon_ticks(axes, places)
        label_right(
            axes,
            [
                (names[line.key], ROLES[line.key.method], line.spreads[-1].mean)
                for line in lines
            ],
        )
    title = partition_label(lines[0].key.partition)
    return FigureSvg(
        title=title,
        caption="",
        svg=to_svg(
            figure,
            name=f"epsilon-{number}",
            title=f"Test accuracy against epsilon, {title}",
            description=" ".join(_spoken(line, names[line.key]) for line in lines),
        ),
    )


def dashes(keys: Sequence[LineKey]) -> list[Dash]:
    """Returns a dash for each line: lines of one method are told apart by it."""
    seen = Counter[str]()
    result = []
    for key in keys:
        result.append(DASHES[seen[key.method] % len(DASHES)])
        seen[key.method] += 1
    return result


def _epsilons(lines: Sequence[Line]) -> list[float]:
    """Returns the columns: levels cross all of them and need none of their own."""
    of_lines = [line for line in lines if line.key.method not in LEVELS]
    return sorted({one.epsilon for line in of_lines or lines for one in line.spreads})


def _places(epsilons: Sequence[float]) -> dict[float, float]:
    """Returns where each epsilon stands: by its logarithm, infinity apart."""
    finite = [one for one in epsilons if math.isfinite(one)]
    places = {one: math.log2(one) for one in finite}
    if len(finite) < len(epsilons):
        last = max(places.values(), default=0.0)
        places[math.inf] = last + TO_INFINITY * _step(finite)
    return places


def _step(finite: Sequence[float]) -> float:
    """Returns the mean distance of neighbours in doublings; 1 where there are none."""
    if len(finite) < 2:  # noqa: PLR2004 - a distance needs two
        return 1.0
    return math.log2(finite[-1] / finite[0]) / (len(finite) - 1)


def _plot(axes: Axes, line: Line, places: Mapping[float, float], dash: Dash) -> None:
    method = line.key.method
    colour = COLOURS[ROLES[method]]
    if method in LEVELS:
        level = line.spreads[-1].mean
        axes.axhline(level, color=colour, linestyle=LEVEL_DASH, linewidth=1.3)
        return
    is_ours = method == FEDERATION
    parts = [line.private, tuple(o for o in line.spreads if o.epsilon == math.inf)]
    for spreads in parts:
        xs = [places[one.epsilon] for one in spreads]
        axes.plot(
            xs,
            [one.mean for one in spreads],
            color=colour,
            linestyle=dash,
            linewidth=2.4 if is_ours else 1.5,
            marker="o" if is_ours else "D",
            markersize=6 if is_ours else 4,
            clip_on=False,
            zorder=4 if is_ours else 3,
        )
        if is_ours:  # the bands of all would hide one another
            lows, highs = [o.low for o in spreads], [o.high for o in spreads]
            axes.fill_between(xs, lows, highs, color=colour, alpha=0.14, linewidth=0)
        _plot_seeds(axes, spreads, places, colour)


def _plot_seeds(
    axes: Axes, spreads: Sequence[Spread], places: Mapping[float, float], colour: str
) -> None:
    pairs = [(places[o.epsilon], v) for o in spreads for v in o.values.values()]
    axes.plot(
        [x for x, _ in pairs],
        [y for _, y in pairs],
        color=colour,
        linestyle="none",
        marker="_",
        markersize=7,
        markeredgewidth=1,
        alpha=0.55,
        clip_on=False,
        zorder=2,
    )


def _epsilon_ticks(axes: Axes, places: Mapping[float, float]) -> None:
    axes.set_xticks(list(places.values()), [epsilon_label(one) for one in places])
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = min(places.values()), max(places.values())
    axes.set_xlim(low - 0.35, high + 0.35)
    axes.set_xlabel("epsilon a site may spend")
    if math.inf in places and len(places) > 1:
        finite = max(value for one, value in places.items() if math.isfinite(one))
        axes.axvline(
            (finite + places[math.inf]) / 2,
            color=COLOURS["muted"],
            linestyle=":",
            linewidth=1,
        )
        axes.set_xlabel("epsilon a site may spend (∞: no privacy)")


def _spoken(line: Line, name: str) -> str:
    if line.key.method in LEVELS:
        return f"{name[0].upper()}{name[1:]}: {percent(line.spreads[-1].mean)}."
    values = ", ".join(
        f"{percent(one.mean)} at epsilon {epsilon_label(one.epsilon)}"
        for one in line.spreads
    )
    return f"{name[0].upper()}{name[1:]}: {values}."
