"""The feature map of additive heads: public components, scaled, of unit norm.

A head's sensitivity is that of its residuals because every feature vector has norm 1.
Partial whitening by eigenvalue^(-exponent/2) weighs small components up, 0 leaves them
as they are and 1 makes all alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common import checks
from common.errors import DataError
from common.features.basis import FeatureBasis, empty_basis
from common.features.standardised import Standardised

# Tables have classes of unequal size, which a head without a constant could not say;
# images are described well enough without.
INTERCEPT = 0.5


def most_dimensions(basis: FeatureBasis) -> int:
    """Returns how many features a basis can give, a table's constant included."""
    return basis.dimension + (1 if _has_intercept(basis) else 0)


def _has_intercept(basis: FeatureBasis) -> bool:
    return any(part.name == Standardised.name for part in basis.parts())


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
        if dimension > most_dimensions(basis):
            raise DataError(
                f"[head] dimension = {dimension}: the features of this transfer set "
                f"span {most_dimensions(basis)} dimensions, must be at most that. "
                "Nothing was run."
            )
        super().__init__()
        self._intercept = INTERCEPT if _has_intercept(basis) else 0.0
        components = dimension - (1 if self._intercept else 0)
        checks.positive(components=components)
        self.basis = basis.cut(components)
        # A buffer of its own: another machine's power may round otherwise.
        scales = self.basis.get_buffer("eigenvalues").double().pow(-exponent / 2)
        self.register_buffer("scales", scales.float())

    @property
    def dimension(self) -> int:
        """Number of features."""
        return most_dimensions(self.basis)

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
            kept = torch.from_numpy(coordinates[:, : self.basis.dimension].copy())
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
        unit = torch.where(usable, scaled / norms, 0.0)
        if not self._intercept:
            return unit.float()
        constant = torch.where(usable, self._intercept, 0.0)
        share = math.sqrt(1 - self._intercept**2)
        return torch.cat([unit * share, constant], dim=1).float()


def empty_map(layout: Mapping[str, Any]) -> FeatureMap:
    """Returns a feature map with buffers of the right shapes, to load into.

    Args:
        layout: from :meth:`FeatureMap.layout`; it may come from anybody.

    Raises:
        ValueError: a layout that describes no feature map.
    """
    basis = empty_basis(layout)
    return FeatureMap(basis, dimension=most_dimensions(basis), exponent=0.0)
