"""From rows to lines: the mean over seeds, its spread, and every seed's own number."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulations.tradeoff.cells import Row
from simulations.tradeoff.results import sorted_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class LineKey:
    """What is the same along a line.

    Attributes:
        partition: as in a cell.
        method: as in a cell.
        mechanism: as in a cell.
        rule: as in a cell.
    """

    partition: str
    method: str
    mechanism: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Accuracies of equal cells but for the seed.

    Attributes:
        epsilon: what they may spend; infinite without privacy.
        values: test accuracy by seed, at least one, each in [0, 1].
    """

    epsilon: float
    values: Mapping[int, float]

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.values.values())

    @property
    def low(self) -> float:
        """The worst seed's."""
        return min(self.values.values())

    @property
    def high(self) -> float:
        """The best seed's."""
        return max(self.values.values())

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds (n - 1); None for a single seed."""
        numbers = list(self.values.values())
        return statistics.stdev(numbers) if len(numbers) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A method at several epsilons.

    Attributes:
        key: what it is.
        spreads: ascending in epsilon, at least one.
    """

    key: LineKey
    spreads: tuple[Spread, ...]

    def at(self, epsilon: float) -> Spread | None:
        """Returns the accuracies at an epsilon; None if there are none."""
        return next((one for one in self.spreads if one.epsilon == epsilon), None)

    @property
    def private(self) -> tuple[Spread, ...]:
        """The part with a finite epsilon."""
        return tuple(one for one in self.spreads if math.isfinite(one.epsilon))


def lines_of(rows: Iterable[Row]) -> tuple[Line, ...]:
    """Returns the lines in the order of ``results.csv``; failed cells are left out."""
    found: dict[LineKey, dict[float, dict[int, float]]] = {}
    for row in sorted_rows(rows):
        if row.result is None:
            continue
        cell = row.cell
        key = LineKey(
            partition=cell.partition,
            method=cell.method,
            mechanism=cell.mechanism,
            rule=cell.rule,
        )
        at = found.setdefault(key, defaultdict(dict))
        at[cell.epsilon][cell.seed] = row.result.test_accuracy
    return tuple(
        Line(
            key=key,
            spreads=tuple(
                Spread(epsilon=epsilon, values=values)
                for epsilon, values in sorted(spreads.items())
            ),
        )
        for key, spreads in found.items()
    )
