"""A long fingerprint, as two people compare it on the telephone."""

from __future__ import annotations

_GROUP = 4


def spoken(digits: str) -> str:
    """Returns hexadecimal digits in groups of four."""
    groups = (digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))
    return " ".join(groups)
