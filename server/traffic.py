"""Bytes that a run moved, measured on serialised messages."""

from __future__ import annotations

from dataclasses import dataclass

from common import checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Bytes of serialised message contents; adds up.

    Attributes:
        up: from sites to the server.
        down: from the server to sites.
        soft_labels_up: the part of ``up`` that was accepted soft labels.
    """

    up: int = 0
    down: int = 0
    soft_labels_up: int = 0

    def __post_init__(self) -> None:
        checks.non_negative(
            up=self.up, down=self.down, soft_labels_up=self.soft_labels_up
        )

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            up=self.up + other.up,
            down=self.down + other.down,
            soft_labels_up=self.soft_labels_up + other.soft_labels_up,
        )

    def to_dict(self) -> dict[str, int]:
        """Returns the counts by name."""
        return {
            "up": self.up,
            "down": self.down,
            "soft_labels_up": self.soft_labels_up,
        }
