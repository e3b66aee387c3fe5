"""What was asked of the figures, and whether it is met: every claim, at each epsilon.

A claim holds at every partition, so what is compared is the worst of them. A figure
that was not measured is not met either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulations.frontier.sweeps import (
    FASHION_MNIST,
    IID,
    MNIST,
    PARTITIONS,
    VERY_SKEWED,
)
from simulations.tradeoff.catalogue import FEDAVG, FEDERATION, POOLED
from simulations.tradeoff.lines import Line

EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0, math.inf)
REQUIRED = MappingProxyType(
    {
        MNIST: {0.5: 0.970, 1.0: 0.978, 2.0: 0.982, 4.0: 0.984},
        FASHION_MNIST: {0.5: 0.858, 1.0: 0.876, 2.0: 0.886, 4.0: 0.893},
    }
)
AIMS = MappingProxyType(
    {MNIST: {1.0: 0.983, 4.0: 0.988}, FASHION_MNIST: {1.0: 0.886, 4.0: 0.905}}
)
SKEW_COST = dict.fromkeys(EPSILONS, 0.005)
TO_POOLED = {1.0: 0.020, 2.0: 0.015, 4.0: 0.015, 8.0: 0.015, math.inf: 0.015}
OVER_FEDAVG = dict.fromkeys((0.5, 1.0, 2.0, 4.0), 0.0)
LAST_BIT = 1e-9  # a mean of equal decimals may end below them
HOLDS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        ">=": lambda value, limit: value >= limit - LAST_BIT,
        "<=": lambda value, limit: value <= limit + LAST_BIT,
        ">": lambda value, limit: value > limit + LAST_BIT,
    }
)

# (method, partition, epsilon) -> mean test accuracy over the seeds, in [0, 1].
Means = Mapping[tuple[str, str, float], float]
Measure = Callable[[Means, float], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A claim at one epsilon.

    Attributes:
        value: what was measured, a share; None where a cell of it is missing.
        limit: what was asked; None where nothing was.
        is_met: whether it holds; None where nothing was asked.
    """

    value: float | None
    limit: float | None
    is_met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What was asked of a data set.

    Attributes:
        words: what is compared.
        sign: how it is compared, ``>=``, ``<=`` or ``>``.
        is_required: or else aimed at.
        verdicts: by epsilon, all of :data:`EPSILONS`.
    """

    words: str
    sign: str
    is_required: bool
    verdicts: Mapping[float, Verdict]


def means_of(lines: Iterable[Line]) -> Means:
    """Returns mean accuracies; there is one line a method and partition."""
    return {
        (line.key.method, line.key.partition, one.epsilon): one.mean
        for line in lines
        for one in line.spreads
    }


def claims(data_set: str, means: Means) -> tuple[Claim, ...]:
    """Returns everything that was asked of a data set.

    Args:
        data_set: a key of :data:`REQUIRED`.
        means: of additive heads and their baselines.
    """

    def claim(
        words: str,
        measure: Measure,
        limits: Mapping[float, float],
        sign: str,
        *,
        is_required: bool = True,
    ) -> Claim:
        verdicts = {
            epsilon: _verdict(measure(means, epsilon), sign, limits.get(epsilon))
            for epsilon in EPSILONS
        }
        return Claim(words=words, sign=sign, is_required=is_required, verdicts=verdicts)

    return (
        claim("accuracy at the worst skew", _worst, REQUIRED[data_set], ">="),
        claim(
            "the same, aimed at",
            _worst,
            AIMS[data_set],
            ">=",
            is_required=False,
        ),
        claim("between iid and Dirichlet 0.1", _skew_cost, SKEW_COST, "<="),
        claim("pooled over ours, largest", _to_pooled, TO_POOLED, "<="),
        claim("ours over DP-FedAvg, smallest", _over_fedavg, OVER_FEDAVG, ">"),
    )


def _verdict(value: float | None, sign: str, limit: float | None) -> Verdict:
    if limit is None:
        return Verdict(value=value, limit=None, is_met=None)
    is_met = value is not None and HOLDS[sign](value, limit)
    return Verdict(value=value, limit=limit, is_met=is_met)


def _worst(means: Means, epsilon: float) -> float | None:
    found = [means.get((FEDERATION, one, epsilon)) for one in PARTITIONS]
    known = [value for value in found if value is not None]
    return min(known) if len(known) == len(found) else None


def _skew_cost(means: Means, epsilon: float) -> float | None:
    iid = means.get((FEDERATION, IID, epsilon))
    skewed = means.get((FEDERATION, VERY_SKEWED, epsilon))
    return None if iid is None or skewed is None else abs(iid - skewed)


def _to_pooled(means: Means, epsilon: float) -> float | None:
    gaps = _over_ours(means, POOLED, epsilon)
    return max(gaps) if gaps else None


def _over_fedavg(means: Means, epsilon: float) -> float | None:
    gaps = _over_ours(means, FEDAVG, epsilon)
    return -max(gaps) if gaps else None


def _over_ours(means: Means, method: str, epsilon: float) -> list[float]:
    """Returns how far a baseline is above ours at each partition; [] if one lacks."""
    gaps = []
    for partition in PARTITIONS:
        ours = means.get((FEDERATION, partition, epsilon))
        theirs = means.get((method, partition, epsilon))
        if ours is None or theirs is None:
            return []
        gaps.append(theirs - ours)
    return gaps
