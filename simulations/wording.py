"""Numbers as people read them; the table, the report and the card share these."""

from __future__ import annotations

import math

MINUTE = 60
# Forgives the last bit of a float such as 4.000000000000001.
LAST_BIT = 1e-9


def percent(share: float) -> str:
    """Returns a share in [0, 1] as a percentage to one decimal: ``81.2%``."""
    return f"{100 * share:.1f}%"


def accuracy_text(share: float | None) -> str:
    """Returns an accuracy as :func:`percent` does, or that there is none."""
    return "not measured" if share is None else percent(share)


def points(difference: float) -> str:
    """Returns a difference of two shares in percentage points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "\N{MINUS SIGN}")


def epsilon_text(epsilon: float) -> str:
    """Returns epsilon to two decimals, rounded up: a guarantee never looks better.

    Infinity is written as "infinite".
    """
    if math.isinf(epsilon):
        return "infinite"
    return f"{math.ceil(epsilon * 100 - LAST_BIT) / 100:.2f}"


def delta_text(delta: float) -> str:
    """Returns delta to two significant digits, rounded up."""
    if delta in (0, 1):
        return f"{delta:g}"
    unit = 10.0 ** (math.floor(math.log10(delta)) - 1)
    return f"{math.ceil(delta / unit - LAST_BIT) * unit:.2g}"


def seconds_text(seconds: float) -> str:
    """Returns a duration: ``8.4 s`` or ``2 min 05 s``."""
    # 59.96 s would be written as 60.0 s.
    if seconds < MINUTE - 0.05:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest:02d} s"


def times_text(ratio: float) -> str:
    """Returns a ratio to two digits, whole from ten on: ``2.4`` or ``37``."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"  # noqa: PLR2004


def of_count(count: int, noun: str) -> str:
    """Returns ``1 site``, ``10 sites``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
