"""Small keyword checks for values that check themselves on construction.

Each raises ValueError with the name, the value and what is allowed, for example
``Expected temperature=-1.0 to be > 0.``
"""

from __future__ import annotations

import math


def finite(**values: float) -> None:
    """Raises ValueError unless every value is a finite number."""
    for name, value in values.items():
        try:
            is_finite = math.isfinite(value)
        except OverflowError:  # a whole number too large for a float; do not print it
            raise ValueError(f"Expected {name} to be below 1e308.") from None
        if not is_finite:
            raise ValueError(f"Expected {name}={value} to be finite.")


def positive(**values: float) -> None:
    """Raises ValueError unless every value is finite and > 0."""
    finite(**values)
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"Expected {name}={value} to be > 0.")


def non_negative(**values: float) -> None:
    """Raises ValueError unless every value is finite and >= 0."""
    finite(**values)
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"Expected {name}={value} to be >= 0.")


def in_range(low: float, high: float, /, **values: float) -> None:
    """Raises ValueError unless every value is finite and in [low, high]."""
    finite(**values)
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"Expected {name}={value} in [{low}, {high}].")


def in_open_range(low: float, high: float, /, **values: float) -> None:
    """Raises ValueError unless every value is finite and in (low, high)."""
    finite(**values)
    for name, value in values.items():
        if not low < value < high:
            raise ValueError(f"Expected {name}={value} in ({low}, {high}).")


def non_empty(**values: str) -> None:
    """Raises ValueError if a string is empty."""
    for name, value in values.items():
        if not value:
            raise ValueError(f"Expected {name} not to be empty.")
