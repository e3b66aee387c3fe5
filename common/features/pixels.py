"""``pixels``: the numbers of an image as they are."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from common.features.feature_set import FeatureSet


class Pixels(FeatureSet):
    """Every number of an example, in C order."""

    name: ClassVar[str] = "pixels"

    @property
    def num_features(self) -> int:
        """Number of features of an example."""
        return math.prod(self.input_shape)

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps [batch, *input_shape] to [batch, num_features]."""
        return inputs.flatten(1)
