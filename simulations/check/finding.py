"""Findings: what a check has to say, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from common.run_plan import Scalar

Figures = Mapping[str, Scalar | tuple[Scalar, ...]]
OK_CODE = 0
ERROR_CODE = 2


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Group(StrEnum):
    """What it is about, in the order of the checks."""

    CONFIG = "config"
    DATA = "data"
    MODELS = "models"
    PRIVACY = "privacy"
    HEAD = "head"
    COST = "cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line.

    Attributes:
        group: what it is about.
        level: how bad it is.
        text: sentences on one line.
        figures: the numbers in it, for programs.
    """

    group: Group
    level: Level
    text: str
    figures: Figures = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.text or "\n" in self.text:
            raise ValueError(f"Expected text={self.text!r} to be one line.")


def exit_code(findings: Iterable[Finding]) -> int:
    """Returns 2 where any finding is an error, else 0."""
    has_error = any(one.level is Level.ERROR for one in findings)
    return ERROR_CODE if has_error else OK_CODE
