"""The global student: one small model for everybody, trained on consensus alone.

It never sees a private example or a label, so it costs no privacy beyond the soft
labels that the consensus is made of.
"""

from __future__ import annotations

from typing import Protocol

from torch import nn

from common.codec import CODECS
from common.config import Config
from common.data.examples import LabelledExamples
from common.data.parts import PublicParts
from common.distillation import distil
from common.models.zoo import build_model
from common.prediction import accuracy
from common.recipes import DistillationRecipe
from common.run_plan import RunPlan
from common.seeds import derive_seed, torch_generator
from common.soft_labels import SoftLabels
from common.weights import all_finite, load_into, to_bytes
from server.global_head import GlobalHead


class GlobalStudent(Protocol):
    """What the round driver asks of the server's student."""

    def to_bytes(self) -> bytes:
        """Returns the weights; the same weights give the same bytes."""
        ...

    def load(self, content: bytes) -> None:
        """Puts back weights from :meth:`to_bytes`; DataError if they do not fit."""
        ...

    def whole(self) -> nn.Module:
        """Returns the student as one module, from inputs to logits."""
        ...

    def learn(self, consensus: SoftLabels, *, round_number: int) -> None:
        """Learns from a round's consensus; keeps the old weights if not finite."""
        ...

    def accuracy(self, examples: LabelledExamples) -> float:
        """Returns the share of right answers on public labelled examples, in [0, 1]."""
        ...


def new_global_student(
    config: Config, parts: PublicParts, plan: RunPlan
) -> GlobalStudent:
    """Returns the student that the config names, with its initial weights.

    Args:
        config: names the model, its recipe and the seed.
        parts: the transfer set that the consensus is on.
        plan: holds the features of a head.
    """
    if config.global_student_model == "head" and plan.head is not None:
        return GlobalHead(plan.head, parts, CODECS[plan.codec])
    return GlobalModel(config, parts)


class GlobalModel:
    """A model of the zoo and how it learns, by gradient descent.

    Args:
        config: names the model, its recipe and the seed.
        parts: the transfer set that the consensus is on.
    """

    def __init__(self, config: Config, parts: PublicParts) -> None:
        chosen = config.global_student
        self._seed = config.seed
        self._inputs = parts.transfer.inputs
        self._recipe = DistillationRecipe(
            epochs=chosen.epochs,
            learning_rate=chosen.learning_rate,
            batch_size=chosen.batch_size,
        )
        self._model = build_model(
            config.global_student_model,
            input_shape=parts.input_shape,
            num_classes=parts.num_classes,
            seed=derive_seed(config.seed, "global-student"),
        )

    def to_bytes(self) -> bytes:
        """Returns the weights; the same weights give the same bytes."""
        return to_bytes(self._model)

    def load(self, content: bytes) -> None:
        """Puts back weights from :meth:`to_bytes`.

        Raises:
            DataError: the bytes do not fit the model.
        """
        load_into(self._model, content)

    def whole(self) -> nn.Module:
        """Returns the model, from inputs to logits."""
        return self._model

    def learn(self, consensus: SoftLabels, *, round_number: int) -> None:
        """Distils a round's consensus; keeps the old weights if new ones overflow.

        Args:
            consensus: on examples of the transfer set.
            round_number: counted from 1; seeds the order of the examples.
        """
        before = self.to_bytes()
        distil(
            self._model,
            self._inputs,
            consensus,
            self._recipe,
            generator=torch_generator(
                self._seed, "global-student-order", round_number=round_number
            ),
        )
        if not all_finite(self._model):
            self.load(before)

    def accuracy(self, examples: LabelledExamples) -> float:
        """Returns the share of right answers on public labelled examples, in [0, 1]."""
        return accuracy(self._model, examples.inputs, examples.labels)
