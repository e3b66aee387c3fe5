"""The tables of the frontier: accuracy, what was asked, and what it cost."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from common.byte_text import bytes_text
from simulations.frontier.markdown import table
from simulations.frontier.required import EPSILONS, Verdict, claims, means_of
from simulations.frontier.sweeps import (
    CNN,
    HEADS,
    PARTITIONS,
    TITLES,
    SweepResult,
    rows_of,
)
from simulations.tradeoff.catalogue import FEDERATION, VARIES_WITH
from simulations.tradeoff.cells import Row
from simulations.tradeoff.labels import (
    NAMES,
    epsilon_label,
    partition_label,
    spread_text,
)
from simulations.tradeoff.lines import Line, lines_of
from simulations.wording import seconds_text

STUDENTS = (HEADS, CNN)
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
SIGNS = {
    ">=": "\N{GREATER-THAN OR EQUAL TO}",
    "<=": "\N{LESS-THAN OR EQUAL TO}",
    ">": ">",
}
COLUMNS = tuple(epsilon_label(epsilon) for epsilon in EPSILONS)


def accuracy_table(results: Sequence[SweepResult]) -> str:
    """Returns mean and standard deviation over the seeds, in per cent to a decimal."""
    rows = [
        _accuracy_row(line, data_set=data_set, students=students)
        for data_set in TITLES
        for partition in PARTITIONS
        for students in STUDENTS
        for line in lines_of(rows_of(results, data_set, students=students))
        if line.key.partition == partition
    ]
    return table(["data set", "partition", "method", *COLUMNS], rows)


def claims_table(results: Sequence[SweepResult]) -> str:
    """Returns every claim at each epsilon: measured (asked, met or not), per cent."""
    rows = [
        [
            TITLES[data_set],
            claim.words,
            *(
                _verdict_text(claim.verdicts[epsilon], claim.sign)
                for epsilon in EPSILONS
            ),
        ]
        for data_set in TITLES
        for claim in claims(data_set, _means(results, data_set))
    ]
    return table(["data set", "what", *COLUMNS], rows)


def claims_sentence(results: Sequence[SweepResult]) -> str:
    """Returns how many of the required figures are met, and which are not."""
    met, total, failed = 0, 0, list[str]()
    for data_set, title in TITLES.items():
        for claim in claims(data_set, _means(results, data_set)):
            asked = {
                epsilon: verdict.is_met
                for epsilon, verdict in claim.verdicts.items()
                if claim.is_required and verdict.is_met is not None
            }
            at = [epsilon_label(one) for one, is_met in asked.items() if not is_met]
            met += len(asked) - len(at)
            if at:
                failed.append(f"{title}, {claim.words}, at epsilon {', '.join(at)}")
            total += len(asked)
    rest = f" Not met: {'; '.join(failed)}." if failed else ""
    return f"{met} of {total} required figures are met.{rest}"


def cost_table(results: Sequence[SweepResult]) -> str:
    """Returns seconds a cell and bytes a site and round, by data set and method."""
    rows = []
    for data_set in TITLES:
        for students in STUDENTS:
            cells = rows_of(results, data_set, students=students)
            rows += [
                [TITLES[data_set], _name(method, students), *_costs(group, results)]
                for method in VARIES_WITH
                if (group := [row for row in cells if row.cell.method == method])
            ]
    columns = ["data set", "method", "cells", "seconds a cell", "up a site and round"]
    return table(columns, rows)


def total_seconds(results: Sequence[SweepResult]) -> float:
    """Returns the wall-clock seconds of all cells, one after the other."""
    return sum(
        row.result.seconds
        for one in results
        for row in one.sweep.rows
        if row.result is not None
    )


def reply_bytes(row: Row, *, sites: int) -> float | None:
    """Returns bytes up a site and a round; None for what exchanges nothing."""
    if row.result is None or not row.result.curve:
        return None
    last = row.result.curve[-1]
    return last.bytes_up / last.round / sites


def _accuracy_row(line: Line, *, data_set: str, students: str) -> list[str]:
    is_ours = line.key.method == FEDERATION and students == HEADS
    mark = "**" if is_ours else ""
    return [
        TITLES[data_set],
        partition_label(line.key.partition),
        f"{mark}{_name(line.key.method, students)}{mark}",
        *(spread_text(line.at(epsilon)) for epsilon in EPSILONS),
    ]


def _name(method: str, students: str) -> str:
    return f"{NAMES[method]}, {students}" if students else NAMES[method]


def _means(
    results: Sequence[SweepResult], data_set: str
) -> dict[tuple[str, str, float], float]:
    return dict(means_of(lines_of(rows_of(results, data_set))))


def _verdict_text(verdict: Verdict, sign: str) -> str:
    value = DASH if verdict.value is None else f"{100 * verdict.value:.2f}"
    value = value.replace("-", MINUS)
    if verdict.limit is None:
        return value
    said = "met" if verdict.is_met else "**not met**"
    if verdict.value is None:
        said = "**not measured**"
    return f"{value} ({SIGNS[sign]} {100 * verdict.limit:g}: {said})"


def _costs(rows: Sequence[Row], results: Sequence[SweepResult]) -> list[str]:
    sites = results[0].sweep.base.sites
    seconds = [row.result.seconds for row in rows if row.result is not None]
    sent = [one for row in rows if (one := reply_bytes(row, sites=sites)) is not None]
    return [
        str(len(rows)),
        seconds_text(statistics.fmean(seconds)) if seconds else DASH,
        bytes_text(statistics.fmean(sent)) if sent else DASH,
    ]
