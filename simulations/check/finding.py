"""Findings: what a check has to say, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from common.findings import Level
from common.run_plan import Scalar

Figures = Mapping[str, Scalar | tuple[Scalar, ...]]


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
