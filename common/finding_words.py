"""Findings as lines that a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.finding import Finding
from common.findings import Level

_DO = "do:"


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Returns a table of findings; a remedy has a line of its own."""
    found = list(findings)
    width = max((len(one.subject) for one in found), default=0)
    level_width = max(len(level) for level in Level)
    lines = []
    for one in found:
        head = f"{one.subject.ljust(width)}  {one.level.ljust(level_width)}"
        lines.append(f"{head}  {one.text}")
        if one.remedy:
            lines.append(f"{' ' * width}  {_DO.ljust(level_width)}  {one.remedy}")
    return lines


def counts_line(findings: Sequence[Finding]) -> str:
    """Returns how many errors and warnings there are, as a sentence."""
    errors, warnings = (
        sum(one.level is level for one in findings)
        for level in (Level.ERROR, Level.WARNING)
    )
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
