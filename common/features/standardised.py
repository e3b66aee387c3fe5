"""``standardised``: the columns of a table as the public schema has scaled them."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from common.features.feature_set import FeatureSet, Settings, Shape


class Standardised(FeatureSet):
    """Every column of a row; bounds and categories came from the public schema.

    Raises:
        ValueError: examples that are not rows of a table.
    """

    name: ClassVar[str] = "standardised"

    def __init__(self, input_shape: Shape, settings: Settings) -> None:
        if len(input_shape) != 1:
            raise ValueError(
                f"standardised needs rows of a table, these examples have shape "
                f"{input_shape}: use pixels, scattering or kmeans-patches for images"
            )
        super().__init__(input_shape, settings)

    @property
    def num_features(self) -> int:
        """Number of features of an example."""
        return self.input_shape[0]

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns [batch, num_features] as it is."""
        return inputs
