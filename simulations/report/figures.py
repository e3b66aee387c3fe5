"""The report's figures, drawn by matplotlib and returned as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from common.byte_text import bytes_text
from simulations.report.axes import (
    WITH_LABELS,
    WITHOUT_LABELS,
    accuracy_axis,
    canvas,
    epsilon_axis,
    label_right,
    plot_ours,
    round_axis,
)
from simulations.report.points import Level, Points
from simulations.report.svg import COLOURS, to_svg
from simulations.wording import epsilon_text, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureSvg:
    """A drawn figure.

    Attributes:
        title: its headline.
        caption: what to see in it.
        svg: the ``<svg>`` element.
    """

    title: str
    caption: str
    svg: str


def draw_figures(data: Points) -> tuple[FigureSvg, ...]:
    """Returns the figures of a run; those of what there is."""
    drawn = {
        _accuracy: bool(data.accuracy),
        _tradeoff: bool(data.accuracy) and data.is_private,
        _spending: data.is_private,
        _wire: True,
    }
    return tuple(draw(data) for draw, is_there in drawn.items() if is_there)


def _accuracy(data: Points) -> FigureSvg:
    with canvas(right=WITH_LABELS) as (figure, axes):
        accuracy_axis(axes, data)
        for level in data.levels:
            axes.axhline(
                level.accuracy,
                color=COLOURS[level.role.value],
                linestyle=(0, (4, 3)),
                linewidth=1.3,
            )
        plot_ours(axes, data.rounds, data.accuracy)
        ours = ("global student", "ours", data.accuracy[-1])
        label_right(axes, [ours, *_labels(data.levels)])
        round_axis(axes, data)
    last = data.accuracy[-1]
    examples = (
        "the test part" if data.is_simulation else "the coordinator's own examples"
    )
    dashed = (
        " Dashed: what it is compared with, after its last step." if data.levels else ""
    )
    return FigureSvg(
        title="Accuracy per round",
        caption=f"The global student on {examples}.{dashed}",
        svg=to_svg(
            figure,
            name="accuracy",
            title="Test accuracy of the global student per round",
            description=f"From {percent(data.accuracy[0])} after round "
            f"{data.rounds[0]} to {percent(last)} after round {data.rounds[-1]}."
            + _spoken(data),
        ),
    )


def _tradeoff(data: Points) -> FigureSvg:
    most = max((*data.epsilon, *(_finite(level) for level in data.levels))) or 1.0
    infinity = 1.24 * most
    has_infinity = any(math.isinf(level.epsilon) for level in data.levels)
    with canvas(right=WITH_LABELS) as (figure, axes):
        accuracy_axis(axes, data)
        plot_ours(axes, data.epsilon, data.accuracy)
        for level in data.levels:
            axes.plot(
                min(level.epsilon, infinity),
                level.accuracy,
                color=COLOURS[level.role.value],
                marker="D",
                markersize=6,
                linestyle="none",
            )
        ours = ("global student", "ours", data.accuracy[-1])
        label_right(axes, [ours, *_labels(data.levels)])
        epsilon_axis(axes, most, infinity=infinity if has_infinity else None)
    return FigureSvg(
        title="Accuracy against epsilon",
        caption="Each dot is the global student after a round, at what had been spent "
        "until then. Further left is more private, higher is better. One run"
        f"{', one seed' if data.is_simulation else ''}: no error bars.",
        svg=to_svg(
            figure,
            name="tradeoff",
            title="Test accuracy against the epsilon spent",
            description=f"The global student reaches {percent(data.accuracy[-1])} at "
            f"epsilon {epsilon_text(data.epsilon[-1])}.{_spoken(data)}",
        ),
    )


def _spending(data: Points) -> FigureSvg:
    with canvas(right=WITHOUT_LABELS) as (figure, axes):
        colours = [
            COLOURS["alone" if ended else "ours"] for ended in data.without_budget
        ]
        axes.bar(data.rounds, data.epsilon, color=colours, width=0.72)
        axes.set_ylim(0, 1.14 * max(data.epsilon) or 1.0)
        axes.annotate(
            epsilon_text(data.epsilon[-1]),
            (data.rounds[-1], data.epsilon[-1]),
            (0, 4),
            textcoords="offset points",
            ha="center",
            color=COLOURS["ink"],
        )
        axes.yaxis.set_major_locator(MaxNLocator(5))
        round_axis(axes, data)
    caption = "The most that any site had spent after each round, all rounds composed."
    if any(data.without_budget):
        caption += " Orange: a site went on without private training, its budget spent."
    return FigureSvg(
        title="Epsilon spent",
        caption=caption,
        svg=to_svg(
            figure,
            name="epsilon",
            title="Epsilon spent after each round",
            description=f"From {epsilon_text(data.epsilon[0])} after round "
            f"{data.rounds[0]} to {epsilon_text(data.epsilon[-1])} after round "
            f"{data.rounds[-1]}.",
        ),
    )


def _wire(data: Points) -> FigureSvg:
    with canvas(right=WITHOUT_LABELS) as (figure, axes):
        figure.subplots_adjust(left=0.29, bottom=0.06)
        amounts = data.amounts[::-1]
        counts = [amount.count for amount in amounts]
        axes.barh(
            [amount.label for amount in amounts],
            counts,
            color=[COLOURS[amount.role.value] for amount in amounts],
            height=0.6,
        )
        axes.set_xlim(0, 1.3 * max(counts) or 1)
        for row, count in enumerate(counts):
            axes.annotate(
                bytes_text(count),
                (count, row),
                (5, 0),
                textcoords="offset points",
                va="center",
                color=COLOURS["ink"],
            )
        axes.grid(visible=False)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    return FigureSvg(
        title="Bytes sent by the sites",
        caption="Over the whole run, all sites together. FedAvg would send the global "
        "student's weights once per site and round.",
        svg=to_svg(
            figure,
            name="wire",
            title="Bytes sent by the sites, against FedAvg",
            description=", ".join(
                f"{amount.label} {bytes_text(amount.count)}" for amount in data.amounts
            )
            + ".",
        ),
    )


def _labels(levels: Iterable[Level]) -> Iterator[tuple[str, str, float]]:
    for level in levels:
        yield level.label, level.role.value, level.accuracy


def _finite(level: Level) -> float:
    return level.epsilon if math.isfinite(level.epsilon) else 0.0


def _spoken(data: Points) -> str:
    """Returns the baselines in sentences, with a space before each."""
    sentences = [
        f" {level.label[0].upper()}{level.label[1:]}: {percent(level.accuracy)}."
        for level in data.levels
    ]
    nothing = " No baselines were run." if data.is_simulation else ""
    return "".join(sentences) or nothing
