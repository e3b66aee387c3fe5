"""Provisional."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadChoice:
    rounds: int
    dimension: int
    ridge: float
    exponent: float
    clipping_norms: tuple[float, ...]


def choose_rounds(*, sites: int, nominal_examples: float, mu: float) -> int:
    return 6


def choose_head(
    *,
    sites: int,
    nominal_examples: float,
    mu: float,
    num_classes: int,
    transfer_size: int,
) -> HeadChoice:
    size = math.sqrt(sites) * nominal_examples * min(mu, 10)
    d = max(10, min(300, int(0.3 * size**0.83), transfer_size - 1))
    return HeadChoice(
        rounds=6,
        dimension=d,
        ridge=30.0,
        exponent=0.6,
        clipping_norms=(math.sqrt(1 - 1 / num_classes), 0.5),
    )
