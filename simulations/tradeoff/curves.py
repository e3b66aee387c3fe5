"""Accuracy against the bytes sent so far: means over seeds, round by round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from simulations.tradeoff.cells import CurvePoint, Row
from simulations.tradeoff.lines import LineKey
from simulations.tradeoff.results import sorted_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A method at one epsilon.

    Attributes:
        key: what it is.
        bytes_up: sent by all sites up to and with each round, mean over seeds.
        accuracy: after each round, mean over seeds, in [0, 1].
    """

    key: LineKey
    bytes_up: tuple[float, ...]
    accuracy: tuple[float, ...]

    def bytes_to(self, accuracy: float) -> float | None:
        """Returns the bytes after which ``accuracy`` is first reached, if it is."""
        pairs = zip(self.bytes_up, self.accuracy, strict=True)
        return next((sent for sent, value in pairs if value >= accuracy), None)


def curves_of(rows: Iterable[Row], *, epsilon: float) -> tuple[Curve, ...]:
    """Returns the curves of what exchanges something, in the order of the results.

    Args:
        rows: the cells.
        epsilon: only cells of this one.
    """
    found: dict[LineKey, list[tuple[CurvePoint, ...]]] = {}
    for row in sorted_rows(rows):
        cell, result = row.cell, row.result
        if result is None or not result.curve or cell.epsilon != epsilon:
            continue
        key = LineKey(
            partition=cell.partition,
            method=cell.method,
            mechanism=cell.mechanism,
            rule=cell.rule,
        )
        found.setdefault(key, []).append(result.curve)
    return tuple(_mean(key, curves) for key, curves in found.items())


def _mean(key: LineKey, curves: list[tuple[CurvePoint, ...]]) -> Curve:
    # Seeds have equally many rounds; were one shorter, its rounds are what all have.
    rounds = list(zip(*curves, strict=False))
    return Curve(
        key=key,
        bytes_up=tuple(statistics.fmean(one.bytes_up for one in at) for at in rounds),
        accuracy=tuple(
            statistics.fmean(one.test_accuracy for one in at) for at in rounds
        ),
    )
