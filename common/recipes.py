"""How students learn from a consensus; public numbers without torch."""

from __future__ import annotations

from dataclasses import dataclass

from common import checks


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationRecipe:
    """How to distil soft labels into a student.

    Attributes:
        epochs: passes over the soft labels; 0 leaves the student as it is.
        learning_rate: Adam's, dimensionless.
        batch_size: examples a step.
    """

    epochs: int
    learning_rate: float
    batch_size: int

    def __post_init__(self) -> None:
        checks.non_negative(epochs=self.epochs)
        checks.positive(learning_rate=self.learning_rate, batch_size=self.batch_size)
