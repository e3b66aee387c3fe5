"""Principal components of public features, in float64 and always alike.

Whatever is smaller is decomposed: the covariance of the features or the Gram matrix of
the examples. All eigenvectors of a large matrix would cost minutes; the leading ones
come from subspace iteration (Halko, Martinsson & Tropp 2011, "Finding Structure with
Randomness", SIAM Review 53(2), https://arxiv.org/abs/0909.4061) with a constant seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Of the largest eigenvalue: below, there is rounding of float32 features.
LEAST_EIGENVALUE = 1e-9
# Of a column's mean: below, there is rounding too, and the column counts as constant.
LEAST_DEVIATION = 1e-6
_DENSE = 1600  # rows of a matrix that is decomposed as a whole
_OVERSAMPLE = 64
_ITERATIONS = 4
_SEED = 20110217


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Components:
    """Leading principal components of a set of features.

    Attributes:
        centre: float64 [num_features], the public mean.
        directions: float64 [num_features, count]: centred features times directions
            are coordinates.
        coordinates: float64 [num_examples, count] of the examples fitted on.
        total_variance: of all components, those that were left out included.
    """

    centre: Tensor
    directions: Tensor
    coordinates: Tensor
    total_variance: float


def principal_components(features: Tensor, *, most: int) -> Components:
    """Returns the leading components of features, none if all examples are alike.

    Args:
        features: float32 [num_examples, num_features].
        most: number of components at most.
    """
    wide = features.double()
    centre = wide.mean(dim=0)
    wide -= centre
    deviations = wide.square().mean(dim=0).sqrt()
    # A column that is constant but for rounding counts for nothing.
    weights = (deviations > LEAST_DEVIATION * centre.abs()).double()
    wide *= weights
    examples, columns = wide.shape
    if columns <= examples:
        matrix = wide.T @ wide / examples
    else:
        matrix = wide @ wide.T / examples
    eigenvalues, axes = leading_eigenvectors(matrix, most=min(most, examples - 1))
    if columns > examples:
        axes = wide.T @ (axes / (examples * eigenvalues).sqrt())
    return Components(
        centre=centre,
        directions=weights[:, None] * axes,
        coordinates=wide @ axes,
        total_variance=float(matrix.diagonal().sum()),
    )


def leading_eigenvectors(matrix: Tensor, *, most: int) -> tuple[Tensor, Tensor]:
    """Returns the largest eigenvalues, descending, and their eigenvectors.

    Args:
        matrix: float64 [size, size], symmetric and positive semi-definite.
        most: number of eigenvectors at most; those of (almost) zero are left out.

    Returns:
        [count] and [size, count]; the largest entry of an eigenvector is positive.
    """
    size = len(matrix)
    most = min(most, size)
    if not most:
        return matrix.new_zeros(0), matrix.new_zeros(size, 0)
    if size <= _DENSE or 2 * (most + _OVERSAMPLE) > size:
        eigenvalues, vectors = torch.linalg.eigh(matrix)
    else:
        basis = _leading_subspace(matrix, most + _OVERSAMPLE)
        eigenvalues, inner = torch.linalg.eigh(basis.T @ matrix @ basis)
        vectors = basis @ inner
    eigenvalues, vectors = eigenvalues.flip(0)[:most], vectors.flip(1)[:, :most]
    least = max(LEAST_EIGENVALUE * float(eigenvalues[0]), 0.0)
    count = int((eigenvalues > least).sum())
    eigenvalues, vectors = eigenvalues[:count], vectors[:, :count]
    largest = vectors.abs().argmax(dim=0)
    signs = vectors[largest, torch.arange(count)].sign()
    return eigenvalues, vectors * signs


def _leading_subspace(matrix: Tensor, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(_SEED)
    basis = torch.randn(len(matrix), count, dtype=torch.float64, generator=generator)
    for _ in range(_ITERATIONS):
        basis, _ = torch.linalg.qr(matrix @ (matrix @ basis))
    return basis
