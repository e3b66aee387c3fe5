"""Tables in Markdown, and the sentences that both commands write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table; a vertical bar in a cell is escaped."""
    lines = [_line(row) for row in (columns, *rows)]
    return "\n".join([lines[0], "|---" * len(columns) + "|", *lines[1:]])


def versions_sentence(environment: Path) -> str:
    """Returns what the figures were made with, from an ``environment.json``."""
    found = json.loads(environment.read_text("utf-8"))
    parts = [f"Python {found['python']}"]
    parts += [f"{name} {number}" for name, number in found["versions"].items()]
    machine = found["machine"]
    parts.append(
        f"{machine['system']} {machine['architecture']} with {machine['cpus']} CPUs"
    )
    return f"Made with {', '.join(parts)}."


def hours_text(seconds: float) -> str:
    """Returns a long duration: ``3 h 07 min``."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def _line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
