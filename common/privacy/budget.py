"""Budgets, and what is spent of them: (epsilon, delta) pairs that know their unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from common import checks
from common.errors import AdjacencyMismatchError
from common.privacy.events import Adjacency, PrivacyUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySpent:
    """What some events cost.

    Attributes:
        epsilon: >= 0, dimensionless; infinite where there is no guarantee.
        delta: the delta at which epsilon is read, in (0, 1).
        unit: unit of privacy.
        adjacency: neighbouring relation.
    """

    epsilon: float
    delta: float
    unit: PrivacyUnit = PrivacyUnit.EXAMPLE
    adjacency: Adjacency = Adjacency.ADD_OR_REMOVE_ONE

    def __post_init__(self) -> None:
        if math.isnan(self.epsilon):
            # An unknown epsilon is infinite (design section 5, rule 8).
            object.__setattr__(self, "epsilon", math.inf)
        if self.epsilon < 0:
            raise ValueError(f"Expected epsilon={self.epsilon} to be >= 0.")
        checks.in_open_range(0, 1, delta=self.delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyBudget:
    """The most that may be spent.

    Attributes:
        epsilon: > 0, dimensionless; infinite only through :meth:`unlimited`.
        delta: in (0, 1).
        unit: unit of privacy.
        adjacency: neighbouring relation.
    """

    epsilon: float
    delta: float
    unit: PrivacyUnit = PrivacyUnit.EXAMPLE
    adjacency: Adjacency = Adjacency.ADD_OR_REMOVE_ONE
    is_unlimited: bool = False

    def __post_init__(self) -> None:
        if not self.is_unlimited:
            checks.positive(epsilon=self.epsilon)
        checks.in_open_range(0, 1, delta=self.delta)

    @classmethod
    def unlimited(cls, *, delta: float) -> PrivacyBudget:
        """A budget without a bound; only for runs that promise no privacy."""
        return cls(epsilon=math.inf, delta=delta, is_unlimited=True)

    def covers(self, spent: PrivacySpent) -> bool:
        """Returns whether ``spent`` is within this budget; infinite never is.

        Raises:
            AdjacencyMismatchError: the two speak of different units or neighbours,
                or ``spent`` was read at a larger delta than the budget's.
        """
        if (spent.unit, spent.adjacency) != (self.unit, self.adjacency):
            raise AdjacencyMismatchError(
                f"The budget is per {self.unit.value} under {self.adjacency.value}, "
                f"the spending per {spent.unit.value} under {spent.adjacency.value}. "
                "The two do not compare, so nothing may be spent."
            )
        if spent.delta > self.delta:
            raise AdjacencyMismatchError(
                f"The spending was read at delta {spent.delta:g}, the budget allows "
                f"{self.delta:g}. Nothing may be spent."
            )
        return self.is_unlimited or spent.epsilon <= self.epsilon
