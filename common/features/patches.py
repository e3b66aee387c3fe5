"""``kmeans-patches``: how near an image's patches are to the commonest ones.

Coates & Ng (2012), "Learning Feature Representations with K-means", Neural Networks:
Tricks of the Trade, and Coates, Lee & Ng (2011), AISTATS: patches are normalised in
contrast and whitened (ZCA), k-means finds centroids, and centroid k answers a patch
with max(0, mean distance - distance to k), averaged over the cells of a grid. We
differ: flat patches are left out of the fit, since they teach nothing, and the square
root (Hellinger's map) is taken at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import unfold

from common import checks
from common.features.feature_set import FeatureSet, Settings, Shape, image_sizes
from common.features.kmeans import kmeans

SMALLEST_IMAGE = 4  # pixels
SMALL_IMAGE = 16  # pixels; below, patches are smaller and cells fewer
_SEED = 20121203  # public, and the same for everybody
_MOST_CENTROIDS = 10_000
_CHUNK = 8  # images whose distances fit the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSettings(Settings):
    """Settings of k-means patches; contrasts are in units of the input.

    Attributes:
        size: height and width of a patch, pixels.
        centroids: number of centroids.
        grid: cells of pooling along each axis.
        samples: patches that k-means sees.
        iterations: of Lloyd's algorithm.
        flat: patches of a smaller standard deviation are left out of the fit.
        contrast_floor: added, squared, to a patch's variance.
        whitening_floor: added to each variance, as a share of the mean variance.
    """

    size: int = 6
    centroids: int = 400
    grid: int = 3
    samples: int = 100_000
    iterations: int = 10
    flat: float = 0.02
    contrast_floor: float = 10 / 255
    whitening_floor: float = 0.1

    def __post_init__(self) -> None:
        checks.positive(
            size=self.size,
            grid=self.grid,
            samples=self.samples,
            iterations=self.iterations,
            contrast_floor=self.contrast_floor,
            whitening_floor=self.whitening_floor,
        )
        checks.in_range(1, _MOST_CENTROIDS, centroids=self.centroids)
        checks.non_negative(flat=self.flat)


class KMeansPatches(FeatureSet):
    """Square roots of pooled triangle activations of patches.

    Args:
        input_shape: (channels, height, width).
        settings: of patches, centroids and pooling.

    Raises:
        ValueError: not images, or images smaller than patches and cells need.
    """

    name: ClassVar[str] = "kmeans-patches"
    choices: ClassVar[tuple[Settings, ...]] = (
        PatchSettings(),
        PatchSettings(size=3, grid=2),
    )
    settings: PatchSettings

    def __init__(self, input_shape: Shape, settings: Settings) -> None:
        if not isinstance(settings, PatchSettings):
            raise TypeError("Expected settings of k-means patches.")
        super().__init__(input_shape, settings)
        smallest = settings.size + settings.grid - 1
        sizes = image_sizes(self.name, input_shape, smallest=smallest)
        self._positions = (sizes[1] - settings.size + 1, sizes[2] - settings.size + 1)
        numbers = sizes[0] * settings.size**2
        self.register_buffer("patch_mean", torch.zeros(numbers))
        self.register_buffer("whitening", torch.zeros(numbers, numbers))
        self.register_buffer("centroids", torch.zeros(settings.centroids, numbers))

    @classmethod
    def default_settings(cls, input_shape: Shape) -> Settings:
        """Returns the paper's settings, or smaller patches for small images."""
        sizes = image_sizes(cls.name, input_shape, smallest=SMALLEST_IMAGE)
        return cls.choices[min(sizes[1:]) < SMALL_IMAGE]

    @classmethod
    def settings_from(cls, values: dict[str, Any]) -> PatchSettings:
        """Returns settings from JSON values."""
        return PatchSettings(**values)

    @property
    def num_features(self) -> int:
        """Number of features of an example."""
        return self.settings.grid**2 * self.settings.centroids

    def fit(self, inputs: Tensor) -> None:
        """Learns whitening and centroids from patches drawn by a constant seed.

        Args:
            inputs: float32 [num_examples, channels, height, width].
        """
        generator = torch.Generator().manual_seed(_SEED)
        patches = self._normalised(self._sample(inputs, generator)).double()
        mean = patches.mean(dim=0)
        centred = patches - mean
        variances, axes = torch.linalg.eigh(centred.T @ centred / len(patches))
        # Where all patches are alike there is nothing to whiten.
        floor = self.settings.whitening_floor * float(variances.mean()) or 1.0
        scales = (variances.clamp(min=0) + floor).rsqrt()
        whitening = (axes * scales) @ axes.T
        self.get_buffer("patch_mean").copy_(mean)
        self.get_buffer("whitening").copy_(whitening)
        self.get_buffer("centroids").copy_(
            kmeans(
                (centred @ whitening).float(),
                count=self.settings.centroids,
                iterations=self.settings.iterations,
                generator=generator,
            )
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps [batch, channels, height, width] to [batch, num_features]."""
        pooling = _pooling(self._positions, self.settings.grid)
        parts = [
            self._activations(chunk, pooling) for chunk in torch.split(inputs, _CHUNK)
        ]
        return torch.cat(parts).sqrt_()

    def _sample(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Returns patches at random places, flattened; flat ones are left out."""
        size = self.settings.size
        available = len(inputs) * math.prod(self._positions)
        count = min(self.settings.samples, available)
        # Places are drawn with replacement: a permutation of all would be larger.
        places = torch.randint(available, (count,), generator=generator)
        columns = places % self._positions[1]
        rows = places // self._positions[1] % self._positions[0]
        examples = places // math.prod(self._positions)
        within = torch.arange(size)
        patches = inputs.movedim(1, -1)[
            examples[:, None, None],
            (rows[:, None] + within)[:, :, None],
            (columns[:, None] + within)[:, None, :],
        ]
        flattened = patches.movedim(-1, 1).flatten(1)
        lively = flattened.std(dim=1, unbiased=False) > self.settings.flat
        return flattened[lively] if lively.any() else flattened

    def _normalised(self, patches: Tensor) -> Tensor:
        """Returns patches [..., numbers] at mean 0 and a variance of at most 1."""
        centred = patches - patches.mean(dim=-1, keepdim=True)
        variances = centred.square().mean(dim=-1, keepdim=True)
        return centred / (variances + self.settings.contrast_floor**2).sqrt_()

    def _activations(self, images: Tensor, pooling: Tensor) -> Tensor:
        patches = self._normalised(unfold(images, self.settings.size).transpose(1, 2))
        mean, whitening = self.get_buffer("patch_mean"), self.get_buffer("whitening")
        centroids = self.get_buffer("centroids")
        white = (patches - mean) @ whitening
        # |w - c|^2 = [w, |w|^2, 1] [-2 c, 1, |c|^2]^T: one product instead of three
        # passes over the largest array here.
        squares = white.square().sum(dim=-1, keepdim=True)
        left = torch.cat([white, squares, torch.ones_like(squares)], dim=-1)
        ones = torch.ones(len(centroids), 1)
        lengths = centroids.square().sum(dim=1, keepdim=True)
        right = torch.cat([-2 * centroids, ones, lengths], dim=1)
        distances = (left @ right.T).clamp_(min=0).sqrt_()
        means = distances.mean(dim=-1, keepdim=True)
        nearness = torch.sub(means, distances, out=distances).clamp_(min=0)
        return (pooling @ nearness).flatten(1)


def _pooling(positions: tuple[int, int], grid: int) -> Tensor:
    """Returns means over the cells of a grid, [grid^2, positions]; cells may share."""
    rows, columns = (_cells(count, grid) for count in positions)
    return torch.kron(rows, columns)


def _cells(count: int, grid: int) -> Tensor:
    """Returns means over ``grid`` intervals of ``count`` places, [grid, count]."""
    cells = torch.zeros(grid, count)
    for number in range(grid):
        start, end = number * count // grid, -(-(number + 1) * count // grid)
        cells[number, start:end] = 1 / (end - start)
    return cells
