"""The global student as an additive head: the consensus by least squares.

It is the very head that every site starts its next round from.
"""

from __future__ import annotations

from torch import nn

from common.codec import Codec
from common.data.examples import LabelledExamples
from common.data.parts import PublicParts
from common.head_recipe import HeadRecipe
from common.head_space import HeadOnFeatures
from common.head_spaces import head_space
from common.prediction import accuracy
from common.soft_labels import SoftLabels
from common.weights import all_finite, load_into, to_bytes


class GlobalHead:
    """The server's head; it satisfies :class:`~server.global_student.GlobalStudent`.

    Args:
        recipe: of the run's heads.
        parts: the transfer set that features and consensus are on.
        codec: of the run; sites digest what it leaves of a consensus.
    """

    def __init__(self, recipe: HeadRecipe, parts: PublicParts, codec: Codec) -> None:
        self._codec = codec
        self._space = head_space(recipe, parts.transfer)
        self._head = self._space.new_head(parts.num_classes)

    def to_bytes(self) -> bytes:
        """Returns the head's weights; the features follow from the transfer set."""
        return to_bytes(self._head)

    def load(self, content: bytes) -> None:
        """Puts back weights from :meth:`to_bytes`.

        Raises:
            DataError: the bytes do not fit the head.
        """
        load_into(self._head, content)

    def whole(self) -> nn.Module:
        """Returns features and head as one module, from inputs to logits."""
        return HeadOnFeatures(self._space, self._head)

    def learn(self, consensus: SoftLabels, *, round_number: int) -> None:
        """Fits the head to a round's consensus; keeps the old one if not finite.

        Args:
            consensus: on examples of the transfer set.
            round_number: counted from 1; least squares has no order to seed.
        """
        del round_number
        before = self.to_bytes()
        self._space.digest(self._head, consensus, codec=self._codec)
        if not all_finite(self._head):
            self.load(before)

    def accuracy(self, examples: LabelledExamples) -> float:
        """Returns the share of right answers on public labelled examples, in [0, 1]."""
        features = self._space.public_features(examples.inputs)
        return accuracy(self._head, features, examples.labels)
