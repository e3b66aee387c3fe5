"""How bad a finding of a check is, and what exit code a list of them means."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

OK_CODE = 0
ERROR_CODE = 2


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class HasLevel(Protocol):
    """A finding, whatever else it says."""

    @property
    def level(self) -> Level:
        """How bad it is."""
        ...


def exit_code(findings: Iterable[HasLevel]) -> int:
    """Returns 2 where any finding is an error, else 0."""
    has_error = any(one.level is Level.ERROR for one in findings)
    return ERROR_CODE if has_error else OK_CODE
