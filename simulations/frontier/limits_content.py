"""The generated text of the limits: a table a section, and what they come from."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.byte_text import bytes_text
from simulations.frontier.markdown import hours_text, table, versions_sentence
from simulations.frontier.probes import Probe, Section
from simulations.frontier.required import LAST_BIT
from simulations.frontier.traffic import (
    MOST_LOSS,
    PACKED,
    TIMES_FEWER,
    WIDE,
    Traffic,
)
from simulations.tradeoff.cells import Row
from simulations.tradeoff.labels import spread_text
from simulations.tradeoff.lines import Spread
from simulations.wording import of_count, points, times_text

DASH = "\N{EN DASH}"
BYTES_COLUMNS = ("up a site and round", "times fewer than DP-FedAvg of a cnn")
Rows = Mapping[str, Sequence[Row]]


def limits_text(
    sections: Sequence[Section],
    rows: Rows,
    *,
    traffic: Mapping[str, Traffic],
    environment: Path,
    command: str,
) -> str:
    """Returns the part of ``docs/frontier.md`` that the command writes.

    Args:
        sections: what was probed.
        rows: by the name of a probe.
        traffic: bytes by the name of a probe, of those that are about bytes.
        environment: ``environment.json`` of the folder.
        command: makes the page again.
    """
    parts = [
        part
        for section in sections
        for part in (
            f"## {section.title}",
            section_table(section, rows, traffic),
            *([bytes_verdict(rows, traffic)] if _is_about_bytes(section) else []),
        )
    ]
    cells = [row for group in rows.values() for row in group]
    seconds = sum(row.result.seconds for row in cells if row.result is not None)
    seeds = {row.cell.seed for row in cells}
    parts.append(
        f"Test accuracy in per cent, mean and standard deviation over "
        f"{of_count(len(seeds), 'seed')}; differences in points. "
        f"{of_count(len(cells), 'run')} took {hours_text(seconds)} on one core. "
        f"{versions_sentence(environment)} Written by `{command}`."
    )
    failed = [
        f"- {name}, seed {row.cell.seed}: {row.error}"
        for name, group in rows.items()
        for row in group
        if row.error
    ]
    if failed:
        parts += ["**These runs failed and are missing above:**", "\n".join(failed)]
    return "\n\n".join(parts)


def section_table(section: Section, rows: Rows, traffic: Mapping[str, Traffic]) -> str:
    """Returns a row a probe: accuracy, difference to the first one, what it means."""
    first = mean_of(rows, section.probes[0].name)
    about_bytes = _is_about_bytes(section)
    lines = []
    for number, probe in enumerate(section.probes):
        mean = mean_of(rows, probe.name) if number > 0 else None
        lines.append(
            [
                probe.words,
                spread_text(spread_of(rows, probe)),
                DASH if mean is None or first is None else points(mean - first),
                *(
                    _traffic_cells(traffic.get(probe.name))
                    if about_bytes
                    else [probe.meaning]
                ),
            ]
        )
    last = BYTES_COLUMNS if about_bytes else ["what it means"]
    return table(["", "accuracy", "difference", *last], lines)


def bytes_verdict(rows: Rows, traffic: Mapping[str, Traffic]) -> str:
    """Returns whether few labels and few bits are as good as asked, in a sentence."""
    wide, packed = mean_of(rows, WIDE), mean_of(rows, PACKED)
    sent = traffic.get(PACKED)
    if wide is None or packed is None or sent is None:
        return "Whether 300 labels at 8 bits are enough was not measured."
    loss = wide - packed
    is_good = loss <= MOST_LOSS + LAST_BIT
    is_small = sent.times_fewer >= TIMES_FEWER
    return (
        f"300 labels at 8 bits are {100 * loss:.2f} points below 1,000 in float32 "
        f"({_said(is_good)}: at most {100 * MOST_LOSS:g}). DP-FedAvg of a cnn, whose "
        f"weights and envelope are {bytes_text(sent.fedavg)}, sends "
        f"{sent.times_fewer:.1f} times as much ({_said(is_small)}: at least "
        f"{TIMES_FEWER})."
    )


def spread_of(rows: Rows, probe: Probe) -> Spread | None:
    """Returns a probe's accuracies by seed; None if there are none."""
    values = {
        row.cell.seed: row.result.test_accuracy
        for row in rows.get(probe.name, ())
        if row.result is not None
    }
    epsilon = rows[probe.name][0].cell.epsilon if values else 0.0
    return Spread(epsilon=epsilon, values=values) if values else None


def mean_of(rows: Rows, name: str) -> float | None:
    """Returns the mean accuracy of a probe, in [0, 1]; None if there is none."""
    values = [
        row.result.test_accuracy for row in rows.get(name, ()) if row.result is not None
    ]
    return statistics.fmean(values) if values else None


def _is_about_bytes(section: Section) -> bool:
    return any(probe.name == PACKED for probe in section.probes)


def _traffic_cells(found: Traffic | None) -> list[str]:
    if found is None:
        return [DASH, DASH]
    return [bytes_text(found.reply), times_text(found.times_fewer)]


def _said(is_met: bool) -> str:  # noqa: FBT001 - a verdict
    return "met" if is_met else "**not met**"
