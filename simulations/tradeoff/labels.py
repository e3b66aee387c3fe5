"""Names of lines and epsilons as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from simulations.tradeoff.catalogue import (
    ALONE,
    ALONE_WITHOUT_PRIVACY,
    FEDAVG,
    FEDERATION,
    NO_PRIVACY,
    POOLED,
)
from simulations.tradeoff.lines import LineKey, Spread

INFINITY = "\N{INFINITY}"
NAMES = {
    FEDERATION: "federation",
    NO_PRIVACY: "federation, no privacy",
    ALONE: "alone",
    ALONE_WITHOUT_PRIVACY: "alone, no privacy",
    POOLED: "pooled",
    FEDAVG: "DP-FedAvg",
}


def epsilon_label(epsilon: float) -> str:
    """Returns ``0.5``, ``8``, or the sign of infinity."""
    return INFINITY if math.isinf(epsilon) else f"{epsilon:g}"


def partition_label(partition: str) -> str:
    """Returns a partition in words: ``Dirichlet 0.5``, ``2 shards a site``."""
    name, _, value = partition.partition(":")
    if name == "dirichlet":
        return f"Dirichlet {value}" if value else "Dirichlet"
    if name == "shards":
        return f"{value} shards a site" if value else "shards"
    return partition


def line_names(keys: Iterable[LineKey]) -> dict[LineKey, str]:
    """Returns a name for each line, no longer than it takes to tell them apart.

    The mechanism and the rule are named only where lines of one method differ in them.
    """
    found = list(keys)
    return {key: _name(key, found) for key in found}


def spread_text(spread: Spread | None) -> str:
    """Returns ``81.2 ± 0.4`` in per cent, or a dash."""
    if spread is None:
        return "\N{EN DASH}"
    deviation = spread.deviation
    more = "" if deviation is None else f" \N{PLUS-MINUS SIGN} {100 * deviation:.1f}"
    return f"{100 * spread.mean:.1f}{more}"


def _name(key: LineKey, keys: Iterable[LineKey]) -> str:
    siblings = [one for one in keys if one.method == key.method]
    details = []
    if len({one.mechanism for one in siblings}) > 1:
        details.append(key.mechanism)
    same = {one.rule for one in siblings if one.mechanism == key.mechanism}
    if len(same) > 1:
        details.append(key.rule)
    return " ".join([NAMES[key.method], *details])
