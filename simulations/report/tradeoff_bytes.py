"""Accuracy against the bytes that the sites have sent, a panel a partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from common.byte_text import bytes_text
from simulations.report.axes import accuracy_limits, canvas, label_right
from simulations.report.figures import FigureSvg
from simulations.report.svg import COLOURS, to_svg
from simulations.report.tradeoff_figures import ROLES, WITH_LONG_LABELS, dashes
from simulations.tradeoff.curves import Curve
from simulations.tradeoff.labels import partition_label
from simulations.tradeoff.lines import LineKey
from simulations.wording import percent


def bytes_figure(
    curves: Sequence[Curve], names: Mapping[LineKey, str], *, caption: str, number: int
) -> FigureSvg:
    """Returns accuracy against the bytes sent so far on one partition.

    Args:
        curves: of that partition at one epsilon, at least one.
        names: a name for each.
        caption: what to see in it.
        number: of the partition in the page, from 1.
    """
    with canvas(right=WITH_LONG_LABELS) as (figure, axes):
        axes.set_xscale("log")
        accuracy_limits(axes, [value for one in curves for value in one.accuracy])
        for curve, dash in zip(curves, dashes([o.key for o in curves]), strict=True):
            axes.plot(
                curve.bytes_up,
                curve.accuracy,
                color=COLOURS[ROLES[curve.key.method]],
                linestyle=dash,
                linewidth=2,
                marker="o",
                markersize=3.5,
                clip_on=False,
            )
        _byte_ticks(axes, curves)
        label_right(
            axes,
            [
                (names[one.key], ROLES[one.key.method], one.accuracy[-1])
                for one in curves
            ],
        )
    title = partition_label(curves[0].key.partition)
    spoken = " ".join(
        f"{names[one.key]}: {percent(one.accuracy[-1])} after "
        f"{bytes_text(one.bytes_up[-1])}."
        for one in curves
    )
    return FigureSvg(
        title=title,
        caption=caption,
        svg=to_svg(
            figure,
            name=f"bytes-{number}",
            title=f"Test accuracy against bytes sent by all sites, {title}",
            description=spoken,
        ),
    )


def _byte_ticks(axes: Axes, curves: Sequence[Curve]) -> None:
    sent = [count for one in curves for count in one.bytes_up]
    axes.set_xlim(min(sent) / 1.4, max(sent) * 1.4)
    wide = max(sent) / min(sent) > 20  # noqa: PLR2004 - decades alone are enough
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: bytes_text(count)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("bytes sent by all sites so far")
