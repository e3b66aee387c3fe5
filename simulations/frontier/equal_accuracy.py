"""Bytes to equal accuracy: additive heads against DP-FedAvg of a network."""

from __future__ import annotations

from collections.abc import Sequence

from common.byte_text import bytes_text
from simulations.frontier.markdown import table
from simulations.frontier.sweeps import (
    CNN,
    FASHION_MNIST,
    HEADS,
    VERY_SKEWED,
    SweepResult,
    rows_of,
)
from simulations.tradeoff.catalogue import FEDAVG, FEDERATION
from simulations.tradeoff.curves import Curve, curves_of
from simulations.tradeoff.labels import NAMES, epsilon_label
from simulations.wording import percent

EPSILONS = (1.0, 4.0)


def curve_pair(
    results: Sequence[SweepResult], epsilon: float
) -> tuple[Curve, Curve] | None:
    """Returns (ours, DP-FedAvg's) on Fashion-MNIST under Dirichlet 0.1, if both ran."""
    ours = _curve(results, HEADS, FEDERATION, epsilon)
    theirs = _curve(results, CNN, FEDAVG, epsilon)
    return None if ours is None or theirs is None else (ours, theirs)


def equal_accuracy_table(results: Sequence[SweepResult]) -> str:
    """Returns who reaches whose last accuracy, after how many bytes, if at all."""
    rows = []
    for epsilon in EPSILONS:
        pair = curve_pair(results, epsilon)
        for one, other in (pair, pair[::-1]) if pair else ():
            target = other.accuracy[-1]
            rows.append(
                [
                    epsilon_label(epsilon),
                    f"{percent(target)}, where {NAMES[other.key.method]} ends",
                    bytes_text(other.bytes_up[-1]),
                    f"{NAMES[one.key.method]}: {_reached(one, target)}",
                ]
            )
    return table(["epsilon", "accuracy", "after", "the other is there after"], rows)


def _curve(
    results: Sequence[SweepResult], students: str, method: str, epsilon: float
) -> Curve | None:
    curves = curves_of(
        rows_of(results, FASHION_MNIST, students=students), epsilon=epsilon
    )
    return next(
        (
            one
            for one in curves
            if (one.key.method, one.key.partition) == (method, VERY_SKEWED)
        ),
        None,
    )


def _reached(curve: Curve, accuracy: float) -> str:
    sent = curve.bytes_to(accuracy)
    if sent is None:
        return f"not reached in {len(curve.accuracy)} rounds"
    return bytes_text(sent)
