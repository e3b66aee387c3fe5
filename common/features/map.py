"""The feature map of additive heads: public components, scaled, of unit norm.

A head's sensitivity is that of its residuals because every feature vector has norm 1.
Partial whitening by eigenvalue^(-exponent/2) weighs small components up, 0 leaves them
as they are and 1 makes all alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common import checks
from common.errors import DataError
from common.features.basis import FeatureBasis, empty_basis


class FeatureMap(nn.Module):
    """From inputs to features of norm 1; buffers only.

    Args:
        basis: public components; only those that are needed are kept.
        dimension: number of features.
        exponent: of whitening, in [0, 1].

    Raises:
        DataError: a dimension above the basis'.
        ValueError: a dimension or exponent out of range.
    """

    def __init__(self, basis: FeatureBasis, *, dimension: int, exponent: float) -> None:
        checks.positive(dimension=dimension)
        checks.in_range(0, 1, exponent=exponent)
        if dimension > basis.dimension:
            raise DataError(
                f"[head] dimension = {dimension}: the features of this transfer set "
                f"span {basis.dimension} dimensions, must be at most that. Nothing was "
                "run."
            )
        super().__init__()
        self.basis = basis.cut(dimension)
        # A buffer of its own: another machine's power may round otherwise.
        scales = self.basis.get_buffer("eigenvalues").double().pow(-exponent / 2)
        self.register_buffer("scales", scales.float())

    @property
    def dimension(self) -> int:
        """Number of features."""
        return self.basis.dimension

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps float32 [num_examples, *input_shape] to [num_examples, dimension].

        A row that is not finite, or zero, becomes zero.
        """
        return self._scaled(self.basis(inputs))

    def from_coordinates(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the features of examples whose coordinates are known.

        Args:
            coordinates: float32 [num_examples, at least dimension], from the basis.
        """
        with torch.inference_mode():
            kept = torch.from_numpy(coordinates[:, : self.dimension].copy())
            result: NDArray[np.float32] = self._scaled(kept).numpy()
        return result

    def layout(self) -> dict[str, Any]:
        """Returns what :func:`empty_map` needs, as JSON values."""
        return self.basis.layout()

    def _scaled(self, coordinates: Tensor) -> Tensor:
        # float64: the squares of float32 numbers neither overflow nor vanish in it.
        scaled = coordinates.double() * self.get_buffer("scales")
        norms = torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
        usable = torch.isfinite(norms) & (norms > 0)
        return torch.where(usable, scaled / norms, 0.0).float()


def empty_map(layout: Mapping[str, Any]) -> FeatureMap:
    """Returns a feature map with buffers of the right shapes, to load into.

    Args:
        layout: from :meth:`FeatureMap.layout`; it may come from anybody.

    Raises:
        ValueError: a layout that describes no feature map.
    """
    basis = empty_basis(layout)
    return FeatureMap(basis, dimension=basis.dimension, exponent=0.0)
