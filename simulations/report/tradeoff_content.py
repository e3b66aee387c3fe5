"""What the report of a sweep says in words and tables; pure functions of the sweep."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.byte_text import bytes_text
from common.config import Config
from simulations.tradeoff.axes import Axes, list_text
from simulations.tradeoff.catalogue import FEDAVG, FEDERATION
from simulations.tradeoff.cells import Row
from simulations.tradeoff.curves import Curve
from simulations.tradeoff.display import cell_text
from simulations.tradeoff.labels import partition_label, spread_text
from simulations.tradeoff.lines import Line, LineKey
from simulations.wording import (
    epsilon_text,
    of_count,
    percent,
    seconds_text,
    times_text,
)

# Forgives what calibration leaves to its tolerance.
TOLERANCE = 1e-6
MOST_FAILURES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A line of the table.

    Attributes:
        partition: in words; empty where it is that of the row above.
        name: the method.
        cells: ``81.2 ± 0.4`` for every epsilon, in per cent.
        is_ours: whether it is the federation.
    """

    partition: str
    name: str
    cells: tuple[str, ...]
    is_ours: bool


def lede(config: Config, axes: Axes, rows: Sequence[Row]) -> str:
    """Returns a sentence on what was run."""
    parts = ", ".join(partition_label(one) for one in axes.partitions)
    return (
        f"{config.data.name}, {of_count(config.sites, 'site')} with "
        f"{config.data.per_site} examples each, dealt out {parts}. "
        f"{of_count(len(axes.seeds), 'seed')} each, "
        f"{of_count(len(rows), 'cell')} in all; delta {config.privacy.delta:g}. "
        "Accuracies are of the test part, which chose nothing."
    )


def notices(rows: Sequence[Row]) -> tuple[str, ...]:
    """Returns what a reader must not miss."""
    failed = [row for row in rows if row.result is None]
    found = [
        f"{cell_text(row.cell)} failed: {row.error}"
        for row in failed[:MOST_FAILURES_SHOWN]
    ]
    if failed:
        found.insert(
            0,
            f"{len(failed)} of {of_count(len(rows), 'cell')} failed and are missing "
            "from every figure and mean on this page.",
        )
    over = [
        row
        for row in rows
        if row.result is not None
        and row.cell.is_private
        and row.result.epsilon_spent > row.cell.epsilon * (1 + TOLERANCE)
    ]
    found += [
        f"{cell_text(row.cell)} spent epsilon "
        f"{epsilon_text(row.result.epsilon_spent)}, more than it may."
        for row in over
        if row.result is not None
    ]
    return tuple(found)


def table_rows(
    lines: Sequence[Line], names: Mapping[LineKey, str], epsilons: Sequence[float]
) -> tuple[TableRow, ...]:
    """Returns the table of means and standard deviations.

    Args:
        lines: in the order of the table.
        names: a name for each.
        epsilons: the columns.
    """
    result: list[TableRow] = []
    last = ""
    for line in lines:
        key = line.key
        result.append(
            TableRow(
                partition=partition_label(key.partition)
                if key.partition != last
                else "",
                name=names[key],
                cells=tuple(spread_text(line.at(epsilon)) for epsilon in epsilons),
                is_ours=key.method == FEDERATION,
            )
        )
        last = key.partition
    return tuple(result)


def cost_rows(rows: Sequence[Row]) -> tuple[tuple[str, ...], ...]:
    """Returns (cell, accuracy, epsilon spent, up, down, seconds) of every cell."""
    return tuple(
        (
            cell_text(row.cell),
            percent(row.result.test_accuracy),
            epsilon_text(row.result.epsilon_spent),
            bytes_text(row.result.bytes_up),
            bytes_text(row.result.bytes_down),
            seconds_text(row.result.seconds),
        )
        for row in rows
        if row.result is not None
    )


def cost_sentence(rows: Sequence[Row]) -> str:
    """Returns what all cells together cost."""
    results = [row.result for row in rows if row.result is not None]
    seconds = sum(one.seconds for one in results)
    sent = sum(one.bytes_up for one in results)
    return (
        f"{of_count(len(results), 'cell')}: {seconds_text(seconds)} of computing, one "
        f"thread each, and {bytes_text(sent)} sent by the sites"
    )


def bytes_caption(curves: Sequence[Curve]) -> str:
    """Returns what the bytes of one partition say about equal accuracy."""
    ours = next((one for one in curves if one.key.method == FEDERATION), None)
    theirs = next((one for one in curves if one.key.method == FEDAVG), None)
    if ours is None or theirs is None:
        return "A dot a round, mean over the seeds."
    goal = ours.accuracy[-1]
    needed = theirs.bytes_to(goal)
    what = f"the federation's final {percent(goal)}"
    if needed is None:
        rounds = of_count(len(theirs.accuracy), "round")
        return f"DP-FedAvg: {what} not reached in {rounds}."
    sent = ours.bytes_to(goal) or ours.bytes_up[-1]
    return (
        f"To reach {what}, the sites send {bytes_text(sent)} of soft labels; "
        f"DP-FedAvg sends {bytes_text(needed)}, {times_text(needed / sent)} times that."
    )


def reproduce(axes: Axes, sets: Mapping[str, str], *, name: str) -> str:
    """Returns the command, to be typed in the sweep's folder, that does it again.

    Args:
        axes: of the sweep.
        sets: keys that held for every mechanism, and their values.
        name: of the experiment.
    """
    command = ["fedstill", "tradeoff", "config.toml"]
    command += [f"--epsilon={list_text(axes.epsilons)}", f"--seeds={len(axes.seeds)}"]
    command += [f"--mechanism={list_text(axes.mechanisms)}"]
    command += [f"--rule={list_text(axes.rules)}"]
    command += [f"--partition={list_text(axes.partitions)}"]
    command += (
        [f"--baselines={list_text(axes.baselines)}"]
        if axes.baselines
        else ["--no-baselines"]
    )
    command += [f"--set={key}={value}" for key, value in sets.items()]
    return shlex.join([*command, f"--output=../{name}-tradeoff-again"])
