"""The global student: one small model for everybody, trained on consensus alone.

It never sees a private example or a label, so it costs no privacy beyond the soft
labels that the consensus is made of.
"""

from __future__ import annotations

from common.config import Config
from common.data.examples import LabelledExamples
from common.data.parts import PublicParts
from common.distillation import distil
from common.models.zoo import build_model
from common.prediction import accuracy
from common.recipes import DistillationRecipe
from common.seeds import derive_seed, torch_generator
from common.soft_labels import SoftLabels
from common.weights import all_finite, load_into, to_bytes


class GlobalStudent:
    """The server's model and how it learns.

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
            chosen.model,
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
