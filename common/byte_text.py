"""A number of bytes, as people read it."""

from __future__ import annotations

_KILO = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB")


def bytes_text(count: float) -> str:
    """Returns a number of bytes in decimal units to three digits: ``15.9 kB``."""
    power = 0
    # 999.5 kB would be written as 1000 kB.
    while count >= _KILO - 0.5 and power < len(_UNITS) - 1:
        count, power = count / _KILO, power + 1
    return f"{count:.3g} {_UNITS[power]}"
