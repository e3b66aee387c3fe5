"""What a command's standard output carries; all commands share the choice."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """What standard output carries."""

    TEXT = "text"
    JSON = "json"


Format = Annotated[
    OutputFormat, typer.Option("--format", help="What standard output carries.")
]
