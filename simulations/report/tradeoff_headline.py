"""The headline of a sweep's report: a sentence and cards; pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from common.byte_text import bytes_text
from simulations.report.content import Card
from simulations.tradeoff.axes import AUTO, Axes
from simulations.tradeoff.catalogue import ALONE, FEDAVG, FEDERATION, POOLED
from simulations.tradeoff.curves import Curve
from simulations.tradeoff.labels import epsilon_label, partition_label
from simulations.tradeoff.lines import Line
from simulations.wording import of_count, percent, points


def headline_epsilon(axes: Axes) -> float:
    """Returns the epsilon that the headline is about: the one nearest to 1."""
    finite = [one for one in axes.epsilons if math.isfinite(one)]
    return min(finite, key=lambda one: abs(math.log(one)), default=math.inf)


def headline_lines(
    lines: Sequence[Line], axes: Axes, partition: str
) -> dict[str, Line]:
    """Returns the lines that the headline compares, by method.

    Where a method has several, the mechanism and rule that were named first count:
    a choice by accuracy would be one by the test part.
    """
    chosen: dict[str, Line] = {}
    for mechanism in axes.mechanisms:
        for rule in (*axes.rules, ""):
            for line in lines:
                key = line.key
                fits = rule in (key.rule, AUTO) and key.mechanism == mechanism
                if key.partition == partition and fits:
                    chosen.setdefault(key.method, line)
    for line in lines:  # what does not depend on the mechanism
        if line.key.partition == partition:
            chosen.setdefault(line.key.method, line)
    return chosen


def headline(lines: Sequence[Line], axes: Axes, *, sites: int) -> str:
    """Returns the sentence that the page is about, on the first partition."""
    epsilon, partition = headline_epsilon(axes), axes.partitions[0]
    chosen = headline_lines(lines, axes, partition)
    at = {
        method: spread.mean
        for method, line in chosen.items()
        if (spread := line.at(epsilon)) is not None
    }
    if FEDERATION not in at:
        return "No federation has finished."
    where = (
        "Without privacy" if math.isinf(epsilon) else f"At epsilon {epsilon:g} a site"
    )
    text = (
        f"{where}, {of_count(sites, 'site')} together reach {percent(at[FEDERATION])}"
    )
    same = "" if math.isinf(epsilon) else " under the same budget"
    others = []
    if ALONE in at:
        others.append(f"one alone reaches {percent(at[ALONE])}")
    if POOLED in at:
        others.append(f"all data in one place {percent(at[POOLED])}")
    if FEDAVG in at:
        others.append(f"DP-FedAvg {percent(at[FEDAVG])}")
    if not others:
        return f"{text}."
    *most, last = others
    joined = f"{', '.join(most)} and {last}" if most else last
    return f"{text}; {joined}{same}."


def cards(
    lines: Sequence[Line], curves: Sequence[Curve], axes: Axes
) -> tuple[Card, ...]:
    """Returns the headline figures; those alone for which something was run."""
    return tuple(_cards(lines, curves, axes))


def _cards(
    lines: Sequence[Line], curves: Sequence[Curve], axes: Axes
) -> Iterator[Card]:
    epsilon, partition = headline_epsilon(axes), axes.partitions[0]
    chosen = headline_lines(lines, axes, partition)
    ours = chosen[FEDERATION].at(epsilon) if FEDERATION in chosen else None
    if ours is None:
        return
    label = f"epsilon {epsilon_label(epsilon)}"
    where = partition_label(partition)
    more = of_count(len(ours.values), "seed")
    if ours.deviation is not None:
        more = f"\N{PLUS-MINUS SIGN} {100 * ours.deviation:.1f} over {more}"
    yield Card(
        label=f"Federation, {label}",
        value=percent(ours.mean),
        remark=f"{where}; {more}",
    )
    for method, what in ((ALONE, "a site alone"), (POOLED, "pooled data")):
        theirs = chosen[method].at(epsilon) if method in chosen else None
        if theirs is not None:
            yield Card(
                label=f"Against {what}",
                value=points(ours.mean - theirs.mean),
                remark=f"points; {what}: {percent(theirs.mean)}",
            )
    means = _means_by_partition(lines, axes, epsilon)
    if len(means) > 1:
        low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
        yield Card(
            label="Between partitions",
            value=f"{100 * (means[high] - means[low]):.1f}",
            remark=f"points from {low} to {high}"
            if low != high
            else f"points over {of_count(len(means), 'partition')}",
        )
    key = chosen[FEDERATION].key
    curve = next((one for one in curves if one.key == key), None)
    if curve is not None:
        yield Card(
            label="Sent by all sites",
            value=bytes_text(curve.bytes_up[-1]),
            remark=f"in {of_count(len(curve.bytes_up), 'round')} of soft labels",
        )


def _means_by_partition(
    lines: Sequence[Line], axes: Axes, epsilon: float
) -> dict[str, float]:
    means = {}
    for partition in axes.partitions:
        line = headline_lines(lines, axes, partition).get(FEDERATION)
        spread = None if line is None else line.at(epsilon)
        if spread is not None:
            means[partition_label(partition)] = spread.mean
    return means
