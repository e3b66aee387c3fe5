"""Findings on the terminal: grouped, coloured, a line each."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from common.findings import Level, exit_code
from simulations.check.finding import Finding, Group
from simulations.wording import of_count

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}
_INDENT = 2
_LEVEL_WIDTH = max(len(level) for level in Level) + _INDENT


def print_findings(console: Console, findings: Iterable[Finding]) -> list[Finding]:
    """Prints findings as they come, under a heading a group, and returns them.

    On a terminal long lines are broken and indented; elsewhere a finding is one line.
    """
    group: Group | None = None
    printed: list[Finding] = []
    for finding in findings:
        if finding.group is not group:
            group = finding.group
            console.print(Text(group.capitalize(), style="bold"))
        console.print(_line(console, finding), soft_wrap=True)
        printed.append(finding)
    return printed


def last_line(findings: Sequence[Finding], command: Sequence[str]) -> str:
    """Returns the counts, and what to do next.

    Args:
        findings: all of them.
        command: that runs what was checked, word by word.
    """
    errors, warnings = (
        sum(one.level is level for one in findings)
        for level in (Level.ERROR, Level.WARNING)
    )
    counts = f"{of_count(errors, 'error')}, {of_count(warnings, 'warning')}. "
    if exit_code(findings):
        return f"{counts}Next: mend what is marked error, and check again."
    return f"{counts}Next: {shlex.join(command)}"


def _line(console: Console, finding: Finding) -> Text:
    text = finding.text
    margin = _INDENT + _LEVEL_WIDTH
    if console.is_terminal and console.width > 2 * margin:
        wrapped = textwrap.wrap(
            text, console.width - margin, break_long_words=False, break_on_hyphens=False
        )
        text = ("\n" + " " * margin).join(wrapped)
    head = " " * _INDENT
    level = finding.level
    return Text.assemble(head, (level.ljust(_LEVEL_WIDTH), STYLES[level]), text)
