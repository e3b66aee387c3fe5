"""Rows of a sweep that nobody ran, for what reads them."""

from __future__ import annotations

import math

from simulations.tradeoff.axes import Axes
from simulations.tradeoff.cells import Cell, CellResult, CurvePoint, Row
from simulations.tradeoff.folder import TradeoffFolder
from simulations.tradeoff.grid import make_tasks
from simulations.tradeoff.tradeoff import Sweep
from tests.simulations.tiny import tiny_config

LEVELS = {
    "federation": 0.84,
    "no-privacy": 0.94,
    "alone": 0.5,
    "alone-without-privacy": 0.88,
    "pooled": 0.88,
    "fedavg": 0.78,
}


def make_row(cell: Cell, *, delta: float = 1e-3) -> Row:
    """A plausible result: better with more epsilon, a little different by seed."""
    strength = 4.0 if math.isinf(cell.epsilon) else math.log2(4 * cell.epsilon)
    level = LEVELS[cell.method]
    gap = (0.95 - level) * math.exp(-0.45 * (strength - 2))
    harder = {"iid": 0.0, "dirichlet:0.5": 0.004}.get(cell.partition, 0.009)
    if cell.method in ("no-privacy", "alone-without-privacy"):
        gap = 0.95 - level
    accuracy = (
        0.95 - gap - harder + 0.004 * ((cell.seed * 7 + len(cell.method)) % 5 - 2)
    )
    sends = cell.method in ("federation", "no-privacy", "fedavg")
    size = {"fedavg": 800_000}.get(cell.method, 21_000)
    curve = tuple(
        CurvePoint(
            round=number,
            test_accuracy=accuracy * (1 - 0.5 * math.exp(-0.6 * number)),
            bytes_up=size * number,
        )
        for number in range(1, 11)
    )
    return Row(
        cell=cell,
        delta=delta,
        result=CellResult(
            test_accuracy=accuracy,
            validation_accuracy=accuracy,
            epsilon_spent=cell.epsilon,
            bytes_up=size * 10 if sends else 0,
            bytes_down=size * 11 if sends else 0,
            seconds=3.2,
            curve=curve if sends else (),
        ),
    )


def make_sweep(folder, rows=None, **axes) -> Sweep:
    """A sweep over all that a report can show."""
    chosen = Axes(
        **{
            "epsilons": (0.5, 1.0, 2.0, 4.0, 8.0, math.inf),
            "mechanisms": ("dp-sgd",),
            "rules": ("auto",),
            "partitions": ("iid", "dirichlet:0.5"),
            "seeds": (1, 2, 3),
            "baselines": ("alone", "alone-without-privacy"),
            **axes,
        }
    )
    base = tiny_config()
    if rows is None:
        rows = [make_row(task.cell) for task in make_tasks(base, chosen)]
    return Sweep(
        base=base,
        axes=chosen,
        fixed=(),
        rows=tuple(rows),
        folder=TradeoffFolder(folder),
    )
