"""A basis of public features: all sets side by side, in principal components.

What is linear after the sets (centring, scaling, components of a set, scaling by the
root of its total variance, components of all) is one matrix for each set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common.errors import DataError
from common.features.batches import in_fixed_batches
from common.features.feature_set import FeatureSet, Shape
from common.features.pca import (
    Components,
    leading_eigenvectors,
    principal_components,
)
from common.features.recipe import MOST_DIMENSIONS
from common.features.sets import new_set, set_from_layout

SET_COMPONENTS = 600  # of each set, before they are joined
_CONSEQUENCE = "Nothing was run."


class FeatureBasis(nn.Module):
    """Principal components of public features; buffers only.

    Args:
        sets: non-linear features, side by side.
        dimension: number of components.
    """

    def __init__(self, sets: Sequence[FeatureSet], *, dimension: int) -> None:
        super().__init__()
        self.sets = nn.ModuleList(sets)
        self.register_buffer("eigenvalues", torch.zeros(dimension))
        for number, part in enumerate(sets):
            width = part.num_features
            self.register_buffer(f"centre_{number}", torch.zeros(width))
            self.register_buffer(f"matrix_{number}", torch.zeros(width, dimension))

    @property
    def dimension(self) -> int:
        """Number of components."""
        return len(self.get_buffer("eigenvalues"))

    @property
    def input_shape(self) -> Shape:
        """Shape of one example."""
        return self.parts()[0].input_shape

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps float32 [num_examples, *input_shape] to [num_examples, dimension].

        Raises:
            ValueError: examples of another shape.
        """
        if inputs.shape[1:] != self.input_shape:
            raise ValueError(
                f"Expected examples of shape {self.input_shape}, got "
                f"{tuple(inputs.shape[1:])}."
            )
        return in_fixed_batches(self._coordinates, inputs, width=self.dimension)

    def cut(self, dimension: int) -> FeatureBasis:
        """Returns the basis of the first components alone.

        Args:
            dimension: number of components kept, at most :attr:`dimension`.
        """
        result = FeatureBasis(self.parts(), dimension=dimension)
        for name, buffer in result.named_buffers(recurse=False):
            source = self.get_buffer(name)
            buffer.copy_(
                source if name.startswith("centre") else _first(source, buffer)
            )
        return result

    def layout(self) -> dict[str, Any]:
        """Returns what :func:`empty_basis` needs, as JSON values."""
        return {
            "input_shape": list(self.input_shape),
            "dimension": self.dimension,
            "sets": [part.layout() for part in self.parts()],
        }

    def parts(self) -> list[FeatureSet]:
        """Returns the sets, in order."""
        return [part for part in self.sets if isinstance(part, FeatureSet)]

    def _coordinates(self, batch: Tensor) -> Tensor:
        total = batch.new_zeros(len(batch), self.dimension)
        for number, part in enumerate(self.parts()):
            centred = part(batch) - self.get_buffer(f"centre_{number}")
            total.addmm_(centred, self.get_buffer(f"matrix_{number}"))
        return total


def fit_basis(features: tuple[str, ...], inputs: NDArray[np.float32]) -> FeatureBasis:
    """Returns the basis that public inputs give; the same for the same arguments.

    Args:
        features: names of sets, from :func:`~common.features.recipe.parse_features`.
        inputs: float32 [num_examples, ...], of the transfer set.

    Returns:
        A basis of min(MOST_DIMENSIONS, rank, num_examples - 1) components.

    Raises:
        DataError: features that are not for such examples, or examples that are alike.
    """
    public = torch.from_numpy(np.array(inputs, np.float32))
    try:
        sets = [new_set(name, tuple(public.shape[1:])) for name in features]
    except ValueError as error:
        raise DataError(
            f"[head] features = {'+'.join(features)!r}: {error}. {_CONSEQUENCE}"
        ) from error
    with torch.inference_mode():
        components = [_fit_set(part, public) for part in sets]
        eigenvalues, matrices = _joined(components)
    if not len(eigenvalues):
        raise DataError(
            f"[head] features = {'+'.join(features)!r}: the {len(public)} examples of "
            f"the transfer set are alike, must be at least two that differ. "
            f"{_CONSEQUENCE}"
        )
    basis = FeatureBasis(sets, dimension=len(eigenvalues))
    basis.get_buffer("eigenvalues").copy_(eigenvalues)
    for number, (part, matrix) in enumerate(zip(components, matrices, strict=True)):
        basis.get_buffer(f"centre_{number}").copy_(part.centre)
        basis.get_buffer(f"matrix_{number}").copy_(matrix)
    return basis


def empty_basis(layout: Mapping[str, Any]) -> FeatureBasis:
    """Returns a basis of zeros with buffers of the right shapes, to load into.

    Args:
        layout: from :meth:`FeatureBasis.layout`; it may come from anybody.

    Raises:
        ValueError: a layout that describes no basis.
    """
    try:
        shape, dimension = tuple(layout["input_shape"]), layout["dimension"]
        parts = list(layout["sets"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            "Expected input_shape, dimension and sets of features."
        ) from error
    sizes = (len(parts), len(shape), dimension, *shape)
    if not all(type(size) is int and size >= 1 for size in sizes):
        raise ValueError("Expected sizes that are whole numbers >= 1.")
    return FeatureBasis(
        [set_from_layout(part, shape) for part in parts], dimension=dimension
    )


def _fit_set(part: FeatureSet, inputs: Tensor) -> Components:
    part.fit(inputs)
    return principal_components(
        in_fixed_batches(part, inputs, width=part.num_features),
        most=SET_COMPONENTS,
    )


def _joined(components: Sequence[Components]) -> tuple[Tensor, list[Tensor]]:
    """Returns eigenvalues of all sets together, and each set's share of the matrix."""
    # A set of more or larger numbers shall not outweigh another one.
    scales = [
        part.total_variance**-0.5 if part.total_variance else 0.0 for part in components
    ]
    together = torch.cat(
        [
            part.coordinates * scale
            for part, scale in zip(components, scales, strict=True)
        ],
        dim=1,
    )
    covariance = together.T @ together / len(together)
    eigenvalues, axes = leading_eigenvectors(
        covariance, most=min(MOST_DIMENSIONS, len(together) - 1)
    )
    counts = [part.coordinates.shape[1] for part in components]
    matrices = [
        (part.directions * scale) @ share
        for part, scale, share in zip(
            components, scales, torch.split(axes, counts), strict=True
        )
    ]
    return eigenvalues, matrices


def _first(source: Tensor, like: Tensor) -> Tensor:
    return source[..., : like.shape[-1]]
