"""What the report plots: every number as it stands in the run folder, none made up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from simulations.rounds import RoundFigures
from simulations.summary import Summary


class Role(Enum):
    """Whose number it is; the page gives each a colour of its own."""

    OURS = "ours"
    ALONE = "alone"
    POOLED = "pooled"
    NO_PRIVACY = "no-privacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A final accuracy of something that has no rounds.

    Attributes:
        label: what it is.
        role: whose it is.
        epsilon: what it spent; infinite without privacy.
        accuracy: on the test part, in [0, 1].
    """

    label: str
    role: Role
    epsilon: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Some bytes.

    Attributes:
        label: what was, or would have been, sent.
        role: whose it is.
        count: bytes over the whole run, all sites together.
    """

    label: str
    role: Role
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Everything that is plotted.

    Attributes:
        rounds: round numbers, from 1.
        accuracy: the global student's test accuracy after each round; empty where it
            was not measured.
        epsilon: the largest spending of a site up to each round.
        without_budget: whether a site went without private training in the round.
        levels: the baselines.
        amounts: bytes from sites to server.
        is_simulation: whether all of it ran on one machine, from one seed.
    """

    rounds: tuple[int, ...]
    accuracy: tuple[float, ...]
    epsilon: tuple[float, ...]
    without_budget: tuple[bool, ...]
    levels: tuple[Level, ...]
    amounts: tuple[Amount, ...]
    is_simulation: bool

    @property
    def is_private(self) -> bool:
        """Whether there is an epsilon to plot."""
        return all(math.isfinite(value) for value in self.epsilon)


def points(metrics: Sequence[RoundFigures], summary: Summary) -> Points:
    """Returns what is plotted about a run.

    Args:
        metrics: the lines of ``metrics.jsonl``, in order.
        summary: the content of ``summary.json``.
    """
    measured = [one.global_student.test_accuracy for one in metrics]
    accuracy = tuple(share for share in measured if share is not None)
    return Points(
        rounds=tuple(one.round for one in metrics),
        accuracy=accuracy if len(accuracy) == len(measured) else (),
        epsilon=tuple(one.privacy.epsilon for one in metrics),
        without_budget=tuple(one.exhausted > 0 for one in metrics),
        levels=tuple(_levels(summary)),
        amounts=tuple(_amounts(summary)),
        is_simulation=summary.is_simulation,
    )


def _levels(summary: Summary) -> Iterator[Level]:
    baselines = summary.baselines
    if baselines.pooled:
        yield Level(
            label="all data pooled",
            role=Role.POOLED,
            epsilon=math.inf,
            accuracy=baselines.pooled.test_accuracy,
        )
    if baselines.no_privacy:
        yield Level(
            label="without privacy",
            role=Role.NO_PRIVACY,
            epsilon=math.inf,
            accuracy=baselines.no_privacy.global_student_test_accuracy,
        )
    if baselines.alone:
        # A site alone takes the same private steps, so it spends the same.
        for label, accuracy in (
            ("best site alone", baselines.alone.best_test_accuracy),
            ("alone, mean", baselines.alone.mean_test_accuracy),
        ):
            yield Level(
                label=label,
                role=Role.ALONE,
                epsilon=summary.privacy.max_epsilon,
                accuracy=accuracy,
            )


def _amounts(summary: Summary) -> Iterator[Amount]:
    wire = summary.bytes
    yield Amount(label="soft-label replies", role=Role.OURS, count=wire.soft_labels_up)
    yield Amount(label="all replies", role=Role.OURS, count=wire.up)
    yield Amount(
        label="labels as float32", role=Role.POOLED, count=wire.float32_equivalent_up
    )
    yield Amount(label="FedAvg", role=Role.ALONE, count=wire.fedavg_equivalent_up)
