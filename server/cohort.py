"""Who is asked in a round, and how many answers it needs."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from common import checks
from common.errors import QuorumMissedError
from common.seeds import numpy_generator

# 0.3 * 10 is 3.0000000000000004 as a float, and nobody means 4 by it.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The sites asked in one round.

    Attributes:
        round_number: counted from 1.
        site_names: sorted, distinct, at least one.
        fraction: share of the connected sites that was drawn, in (0, 1].
    """

    round_number: int
    site_names: tuple[str, ...]
    fraction: float

    def __post_init__(self) -> None:
        checks.positive(round_number=self.round_number, fraction=self.fraction)
        checks.in_range(0, 1, fraction=self.fraction)
        if not self.site_names:
            raise ValueError("Expected a cohort of at least one site.")
        if self.site_names != tuple(sorted(set(self.site_names))):
            raise ValueError("Expected sorted and distinct site names.")

    def __len__(self) -> int:
        return len(self.site_names)


def draw_cohort(
    site_names: Collection[str], *, fraction: float, run_seed: int, round_number: int
) -> Cohort:
    """Returns a uniform draw of the connected sites, at least one.

    Args:
        site_names: the sites that can be asked. The draw depends on their names,
            never on Flower's node ids, which are random.
        fraction: share to ask, in (0, 1]; rounded up to whole sites.
        run_seed: the run's public seed.
        round_number: counted from 1.

    Raises:
        QuorumMissedError: there is no site to ask.
    """
    if not site_names:
        raise QuorumMissedError(
            f"Round {round_number} finds no site to ask: none is connected, or none "
            "has said hello. The run stops; its last checkpoint can be resumed."
        )
    names = sorted(site_names)
    size = _at_least_one(fraction * len(names))
    generator = numpy_generator(run_seed, "cohort", round_number=round_number)
    chosen = generator.choice(len(names), size=size, replace=False)
    return Cohort(
        round_number=round_number,
        site_names=tuple(names[position] for position in sorted(chosen)),
        fraction=fraction,
    )


def require_quorum(cohort: Cohort, *, accepted: int, quorum: float) -> None:
    """Returns if enough sites answered.

    Args:
        cohort: the sites asked.
        accepted: number of usable replies.
        quorum: share of the asked that must have answered, in (0, 1].

    Raises:
        QuorumMissedError: there are too few.
    """
    needed = _at_least_one(quorum * len(cohort))
    if accepted < needed:
        raise QuorumMissedError(
            f"Round {cohort.round_number} has {accepted} usable replies of "
            f"{len(cohort)} asked sites, round.quorum={quorum:g} needs {needed}. "
            "The run stops; its last checkpoint can be resumed."
        )


def _at_least_one(share: float) -> int:
    return max(1, math.ceil(share - _ROUNDING))
