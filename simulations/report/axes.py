"""The drawing that all figures share: canvas, axes, the line, labels at its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simulations.report.points import Points
from simulations.report.svg import COLOURS, page_style

# Inches at 72 units: 380 units across are about the pixels of a phone.
WIDTH, HEIGHT = 380 / 72, 236 / 72
LEFT, BOTTOM, TOP = 0.105, 0.17, 0.965
WITH_LABELS, WITHOUT_LABELS = 0.71, 0.97  # right end of the axes
LINE_OF_TEXT = 0.075  # height of a label, as a share of the axes' height
MANY_ROUNDS = 25  # from here on markers hide the line


@contextmanager
def canvas(*, right: float) -> Iterator[tuple[Figure, Axes]]:
    """Gives an empty figure in the page's style, to be drawn inside the block.

    Args:
        right: right end of the axes, as a share of the figure's width.
    """
    with page_style():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        figure.subplots_adjust(left=LEFT, right=right, bottom=BOTTOM, top=TOP)
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.set_axisbelow(True)
        axes.grid(axis="y", color=COLOURS["grid"], linewidth=0.8)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(COLOURS["grid"])
        axes.tick_params(length=0, pad=5, colors=COLOURS["muted"])
        axes.xaxis.label.set_color(COLOURS["muted"])
        yield figure, axes


def accuracy_axis(axes: Axes, data: Points) -> None:
    """Makes the vertical axis one of accuracies, cut below the lowest."""
    accuracy_limits(axes, [*data.accuracy, *(one.accuracy for one in data.levels)])


def accuracy_limits(axes: Axes, values: Sequence[float]) -> None:
    """Makes the vertical axis one of accuracies around ``values``, at least one."""
    low = max(0.0, math.floor(10 * min(values) - 0.25) / 10)
    axes.set_ylim(low, min(1.02, max(values) + 0.06))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))


def epsilon_axis(axes: Axes, most: float, *, infinity: float | None) -> None:
    """Makes the horizontal axis one of epsilons.

    Args:
        axes: the axes.
        most: the largest finite epsilon.
        infinity: where infinity stands, in a column of its own; None without one.
    """
    locator = MaxNLocator(5, steps=[1, 2, 5, 10])
    finite = [one for one in locator.tick_values(0, most) if 0 <= one <= 1.02 * most]
    labels = [f"{one:g}" for one in finite]
    if infinity is None:
        axes.set_xlim(0, 1.06 * most)
        axes.set_xticks(finite, labels)
        axes.set_xlabel("epsilon spent by a site")
        return
    axes.axvline(
        (most + infinity) / 2, color=COLOURS["muted"], linestyle=":", linewidth=1
    )
    axes.set_xlim(0, infinity + 0.08 * most)
    axes.set_xticks([*finite, infinity], [*labels, "∞"])
    axes.set_xlabel("epsilon spent by a site (∞: no privacy)")


def round_axis(axes: Axes, data: Points) -> None:
    """Makes the horizontal axis one of rounds."""
    axes.set_xlim(data.rounds[0] - 0.6, data.rounds[-1] + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.set_xlabel("round")


def plot_ours(axes: Axes, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Draws the line that the figure is about."""
    axes.plot(
        xs,
        ys,
        color=COLOURS["ours"],
        linewidth=2.2,
        marker="o" if len(xs) <= MANY_ROUNDS else "",
        markersize=5,
        clip_on=False,
        zorder=3,
    )


def label_right(axes: Axes, labels: Sequence[tuple[str, str, float]]) -> None:
    """Writes (text, role, value) labels right of the axes, each near its value."""
    low, high = axes.get_ylim()
    gap = LINE_OF_TEXT * (high - low)
    values = [value for _, _, value in labels]
    places = spread(values, gap=gap, low=low, high=high)
    for (text, role, value), place in zip(labels, places, strict=True):
        axes.text(
            1.02,
            (place - low) / (high - low),
            f"{text} {value:.0%}",
            transform=axes.transAxes,
            va="center",
            fontsize=9.5,
            color=COLOURS[role],
        )


def spread(
    values: Sequence[float], *, gap: float, low: float, high: float
) -> list[float]:
    """Moves label positions apart so that none overlaps; keeps their order.

    Args:
        values: where the labels would like to be.
        gap: least distance of two labels.
        low: lowest position.
        high: highest position; labels are pushed below it.
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    placed = list(values)
    floor = low
    for index in order:
        placed[index] = floor = max(values[index], floor)
        floor += gap
    ceiling = high
    for index in reversed(order):
        placed[index] = ceiling = min(placed[index], ceiling)
        ceiling -= gap
    return placed
