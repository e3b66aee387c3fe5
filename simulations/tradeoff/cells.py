"""The cells of a sweep and what a cell gives, as frozen values.

An infinite epsilon is ``null`` in JSON, which knows no infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from common import checks
from simulations.summary import Epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training to be measured.

    Attributes:
        method: what is trained: ``federation`` or the name of a baseline.
        mechanism: privacy mechanism of the row, such as ``dp-sgd``; ``none`` for a
            baseline that never has one.
        rule: aggregation rule; empty where nothing is aggregated.
        partition: how examples are dealt out: ``iid``, ``dirichlet:0.5``, ...
        epsilon: the most that a site may spend, > 0; infinite without privacy.
        seed: the run seed.
    """

    method: str
    mechanism: str
    rule: str
    partition: str
    epsilon: Epsilon
    seed: int

    def __post_init__(self) -> None:
        if not self.epsilon > 0:  # infinite is fine, NaN is not
            raise ValueError(f"Expected epsilon={self.epsilon} to be > 0.")
        checks.non_negative(seed=self.seed)

    @property
    def is_private(self) -> bool:
        """Whether there is an epsilon at all."""
        return math.isfinite(self.epsilon)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Where a cell stood after a round.

    Attributes:
        round: counted from 1.
        test_accuracy: in [0, 1].
        bytes_up: sent by all sites up to and with this round.
    """

    round: int
    test_accuracy: float
    bytes_up: int

    def __post_init__(self) -> None:
        checks.positive(round=self.round)
        checks.in_range(0, 1, test_accuracy=self.test_accuracy)
        checks.non_negative(bytes_up=self.bytes_up)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """What was measured.

    Attributes:
        test_accuracy: on the test part, in [0, 1]; of a baseline with a student a
            site, their mean.
        validation_accuracy: on the public validation part, in [0, 1]; None where it
            was not measured.
        epsilon_spent: the most that a site spent by its ledger; infinite without
            privacy.
        bytes_up: serialised bytes from all sites to the server.
        bytes_down: the same from the server to all sites.
        seconds: wall-clock time of the cell; :func:`run_cell` fills it in.
        curve: a point a round; empty for what has no rounds of exchange.
        extra: further figures that only this method has; JSON.
    """

    test_accuracy: float
    validation_accuracy: float | None = None
    epsilon_spent: Epsilon
    bytes_up: int = 0
    bytes_down: int = 0
    seconds: float = 0.0
    curve: tuple[CurvePoint, ...] = ()
    extra: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.in_range(0, 1, test_accuracy=self.test_accuracy)
        if self.validation_accuracy is not None:
            checks.in_range(0, 1, validation_accuracy=self.validation_accuracy)
        # `not >=` also refuses NaN: an unknown epsilon has to arrive as infinite.
        if not self.epsilon_spent >= 0:
            raise ValueError(f"Expected epsilon_spent={self.epsilon_spent} to be >= 0.")
        checks.non_negative(
            bytes_up=self.bytes_up, bytes_down=self.bytes_down, seconds=self.seconds
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A cell that has run.

    Attributes:
        cell: which one.
        delta: the delta at which its epsilons are read.
        result: what was measured; None where the cell failed.
        error: why it failed, a line; empty where it did not.
    """

    cell: Cell
    delta: float
    result: CellResult | None = None
    error: str = ""

    def __post_init__(self) -> None:
        if (self.result is None) != bool(self.error):
            raise ValueError("Expected either a result or an error.")
