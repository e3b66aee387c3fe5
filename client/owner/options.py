"""What the owner's commands share: their options, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

POLICY = Path("site.toml")

PolicyOption = Annotated[
    Path,
    typer.Option("--policy", metavar="FILE", help="The site's policy, site.toml."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def echo_json(figures: Mapping[str, object]) -> None:
    """Prints figures for a program; what JSON does not know becomes text."""
    typer.echo(json.dumps(figures, indent=2, allow_nan=False, default=str))
