"""The student that answers in a run: the policy's model, or an additive head."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from client.parts import SiteParts
from client.training.head_student import HeadStudent
from client.training.model_student import ModelStudent
from client.training.random_stream import RandomStream
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels


class Student(Protocol):
    """What a round asks of a student; it carries the guarantee of its mechanism."""

    def to_bytes(self) -> bytes:
        """Returns the weights; the same weights give the same bytes."""
        ...

    def load(self, content: bytes) -> None:
        """Puts back weights from :meth:`to_bytes`."""
        ...

    def released(self) -> nn.Module:
        """Returns the whole student, from inputs to logits."""
        ...

    def digest(self, consensus: SoftLabels, *, round_number: int) -> None:
        """Distils a consensus in place; public data, so it is free."""
        ...

    def revisit(
        self, stream: RandomStream, *, round_number: int, noise_multiplier: float
    ) -> None:
        """Trains on the private data in place, after the round was charged."""
        ...

    def label(self, indices: NDArray[np.int32]) -> SoftLabels:
        """Returns soft labels of some transfer examples: post-processing."""
        ...


def new_student(parts: SiteParts, plan: RunPlan) -> Student:
    """Returns a run's student with its initial weights, a function of public facts.

    Args:
        parts: of the site.
        plan: of the run; says which kind of student answers.
    """
    if plan.head is not None:
        return HeadStudent(parts, plan)
    return ModelStudent(parts, plan)
