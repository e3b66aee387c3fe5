"""Privacy events: what a mechanism did, as a value that any accountant can read.

After Google's dp_accounting (``dp_event.py``): a mechanism only emits a frozen event,
and what nobody knows is refused. Fields are public configuration; never data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from common import checks


class Mechanism(Enum):
    """The mechanisms of design section 5 that exist today."""

    DP_SGD = "dp-sgd"
    DP_HEAD = "dp-head"
    NONE = "none"

    @property
    def is_private(self) -> bool:
        """Whether students under this mechanism carry a guarantee."""
        return self is not Mechanism.NONE


class PrivacyUnit(Enum):
    """What one adjacency step changes."""

    EXAMPLE = "example"
    CLIENT = "client"


class Adjacency(Enum):
    """When two data sets are neighbours."""

    ADD_OR_REMOVE_ONE = "add-or-remove-one"
    REPLACE_ONE = "replace-one"
    REPLACE_SPECIAL = "replace-special"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyEvent:
    """Some steps of one mechanism with equal parameters.

    Attributes:
        mechanism: which mechanism.
        noise_multiplier: standard deviation over sensitivity, > 0, dimensionless;
            0 only for :attr:`Mechanism.NONE`.
        sampling_probability: Poisson sampling probability per example, in (0, 1].
        steps: number of compositions, >= 1.
        unit: unit of privacy.
        adjacency: neighbouring relation.
    """

    mechanism: Mechanism
    noise_multiplier: float
    sampling_probability: float
    steps: int
    unit: PrivacyUnit = PrivacyUnit.EXAMPLE
    adjacency: Adjacency = Adjacency.ADD_OR_REMOVE_ONE

    def __post_init__(self) -> None:
        if self.mechanism.is_private:
            checks.positive(noise_multiplier=self.noise_multiplier)
        elif self.noise_multiplier != 0:
            raise ValueError("Expected noise_multiplier=0 where the mechanism is none.")
        checks.positive(sampling_probability=self.sampling_probability)
        checks.in_range(0, 1, sampling_probability=self.sampling_probability)
        checks.positive(steps=self.steps)
