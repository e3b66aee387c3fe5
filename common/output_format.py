"""What a command's standard output carries; all commands share the choice."""

from __future__ import annotations

from enum import StrEnum


class OutputFormat(StrEnum):
    """What standard output carries."""

    TEXT = "text"
    JSON = "json"
