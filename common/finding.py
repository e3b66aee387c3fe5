"""A finding of ``site check`` or ``doctor``: what was looked at, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from common.findings import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line; for whoever asked only, since a site's may speak of private rows.

    Attributes:
        subject: what was looked at, such as ``ledger``.
        level: how bad it is.
        text: what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    subject: str
    level: Level
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if not self.text or "\n" in self.text + self.remedy:
            raise ValueError(f"Expected text={self.text!r} to be one line.")
        if self.level is Level.ERROR and not self.remedy:
            raise ValueError(f"Expected a remedy for {self.text!r}.")


def ok(subject: str, text: str) -> Finding:
    """Returns that something is as it should be."""
    return Finding(subject=subject, level=Level.OK, text=text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """Returns that it works, and what should be looked at all the same."""
    return Finding(subject=subject, level=Level.WARNING, text=text, remedy=remedy)


def fault(subject: str, text: str, remedy: str) -> Finding:
    """Returns that something keeps it from working."""
    return Finding(subject=subject, level=Level.ERROR, text=text, remedy=remedy)
