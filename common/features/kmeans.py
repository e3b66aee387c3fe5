"""Lloyd's k-means, seeded by a constant: the same points give the same centroids."""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 4096  # points whose distances fit the cache


def kmeans(
    points: Tensor, *, count: int, iterations: int, generator: torch.Generator
) -> Tensor:
    """Returns centroids that are means of the points nearest to them.

    Args:
        points: float32 [num_points, num_features], at least one.
        count: number of centroids; with fewer points some centroids are equal.
        iterations: of Lloyd's algorithm (1957, published 1982).
        generator: picks the first centroids, and new ones for those without points.

    Returns:
        float32 [count, num_features].
    """
    centroids = _drawn(points, count, generator)
    for _ in range(iterations):
        nearest = _nearest(points, centroids)
        sizes = torch.bincount(nearest, minlength=count)
        sums = torch.zeros(count, points.shape[1], dtype=torch.float64)
        sums.index_add_(0, nearest, points.double())
        means = (sums / sizes.clamp(min=1)[:, None]).to(points.dtype)
        spare = _drawn(points, count, generator)
        centroids = torch.where(sizes[:, None] > 0, means, spare)
    return centroids


def _drawn(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    order = torch.randperm(len(points), generator=generator)
    return points[order[torch.arange(count) % len(points)]]


def _nearest(points: Tensor, centroids: Tensor) -> Tensor:
    half_squares = centroids.square().sum(dim=1) / 2
    return torch.cat(
        [
            (chunk @ centroids.T - half_squares).argmax(dim=1)
            for chunk in torch.split(points, _CHUNK)
        ]
    )
