"""``scattering``: averages of wavelet moduli, stable to small deformations.

Bruna & Mallat (2013), https://arxiv.org/abs/1203.1513; Oyallon & Mallat (2015), "Deep
Roto-Translation Scattering for Object Classification", CVPR,
https://arxiv.org/abs/1412.8659. With J octaves and L directions an image x gives

- order 0: x blurred,
- order 1: |x * psi_jl| blurred, J L channels,
- order 2: ||x * psi_jl| * psi_j'l'| blurred for j < j', J (J - 1) / 2 L^2 channels,

all subsampled by 2^J: 81 x 7 x 7 numbers of a 28 x 28 image at J = 2, L = 8. Colour
channels are handled one by one. The square root of what comes out (Hellinger's map, by
Perronnin et al. 2010 and Arandjelovic & Zisserman 2012) tames its heavy tails.

As in Kymatio (Andreux et al. 2020), products are taken in the Fourier domain and
subsampled there by folding. We differ: the last blur is one small matrix an axis, with
a Gaussian that is sampled rather than cut off where the signal was subsampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from common import checks
from common.features.feature_set import FeatureSet, Settings, Shape, image_sizes
from common.features.wavelets import low_pass, morlet_spectra

SMALLEST_IMAGE = 4  # pixels; reflection needs more pixels than it adds
IMAGE_FOR_TWO_SCALES = 8  # pixels
_MOST_SCALES = 4
_MOST_ANGLES = 64
_CHUNK = 16  # images whose second order fits the cache of a core


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatteringSettings(Settings):
    """Settings of a scattering transform.

    Attributes:
        scales: octaves J, 1 to 4.
        angles: directions L over half a turn, 1 to 64.
    """

    scales: int = 2
    angles: int = 8

    def __post_init__(self) -> None:
        checks.in_range(1, _MOST_SCALES, scales=self.scales)
        checks.in_range(1, _MOST_ANGLES, angles=self.angles)


class Scattering(FeatureSet):
    """Square roots of scattering coefficients of orders 0 to 2.

    Args:
        input_shape: (channels, height, width).
        settings: octaves and directions.

    Raises:
        ValueError: not images, or images that are too small.
    """

    name: ClassVar[str] = "scattering"
    choices: ClassVar[tuple[Settings, ...]] = (
        ScatteringSettings(),
        ScatteringSettings(scales=1),
    )
    settings: ScatteringSettings

    def __init__(self, input_shape: Shape, settings: Settings) -> None:
        if not isinstance(settings, ScatteringSettings):
            raise TypeError("Expected settings of a scattering transform.")
        super().__init__(input_shape, settings)
        step: int = 2**settings.scales
        smallest = SMALLEST_IMAGE if settings.scales == 1 else 2 * step
        _, height, width = image_sizes(self.name, input_shape, smallest=smallest)
        self._outputs = (-(-height // step), -(-width // step))
        self._grid = tuple((count + 2) * step for count in self._outputs)
        # Reflection: one output's worth before, the rest behind.
        self._margins = [
            *(step, self._grid[1] - width - step),
            *(step, self._grid[0] - height - step),
        ]
        for scale in range(settings.scales):
            for source in range(scale + 1):
                # From a signal subsampled by 2^source to one subsampled by 2^scale.
                shape = _folded_shape(self._grid, source=source, scale=scale)
                self.register_buffer(
                    f"wavelets_{source}_{scale}", torch.zeros(settings.angles, *shape)
                )
            for axis, length in zip(("rows", "columns"), self._grid, strict=True):
                count = length // step - 2
                self.register_buffer(
                    f"blur_{axis}_{scale}", torch.zeros(count, length // 2**scale)
                )

    @classmethod
    def default_settings(cls, input_shape: Shape) -> Settings:
        """Returns two octaves, or one for images of fewer than 8 pixels."""
        sizes = image_sizes(cls.name, input_shape, smallest=SMALLEST_IMAGE)
        return cls.choices[min(sizes[1:]) < IMAGE_FOR_TWO_SCALES]

    @classmethod
    def settings_from(cls, values: dict[str, Any]) -> ScatteringSettings:
        """Returns settings from JSON values."""
        return ScatteringSettings(**values)

    @property
    def num_channels(self) -> int:
        """Number of coefficients at a position of one colour channel."""
        scales, angles = self.settings.scales, self.settings.angles
        pairs = scales * (scales - 1) // 2
        return 1 + scales * angles + pairs * angles * angles

    @property
    def num_features(self) -> int:
        """Number of features of an example."""
        return self.input_shape[0] * self.num_channels * math.prod(self._outputs)

    def fit(self, inputs: Tensor) -> None:
        """Computes the filters, which follow from the shape of inputs alone."""
        del inputs
        scales, angles = self.settings.scales, self.settings.angles
        height, width = self._grid
        spectra = torch.from_numpy(
            morlet_spectra((height, width), scales=scales, angles=angles)
        )
        for scale in range(scales):
            for source in range(scale + 1):
                wavelets = _folded(
                    _aliased(spectra[scale], 2**source), 2 ** (scale - source)
                )
                # A real number multiplies a real and an imaginary part; the mean over
                # what folds together is subsampling.
                pairs = wavelets.repeat_interleave(2, dim=-1) / 4 ** (scale - source)
                self.get_buffer(f"wavelets_{source}_{scale}").copy_(pairs)
            for axis, length in zip(("rows", "columns"), self._grid, strict=True):
                blur = low_pass(length, scale=scale, scales=scales)
                self.get_buffer(f"blur_{axis}_{scale}").copy_(torch.from_numpy(blur))

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps [batch, channels, height, width] to [batch, num_features]."""
        planes = inputs.flatten(0, 1)[:, None]
        parts = [self._coefficients(chunk) for chunk in torch.split(planes, _CHUNK)]
        roots = torch.cat(parts).clamp_(min=0).sqrt_()
        return roots.reshape(len(inputs), self.num_features)

    def _coefficients(self, planes: Tensor) -> Tensor:
        """Maps [batch, 1, height, width] to [batch, num_channels, *outputs]."""
        padded = pad(planes, self._margins, mode="reflect")
        first, second = [], []
        spectrum = torch.fft.fft2(padded)
        for scale in range(self.settings.scales):
            moduli = self._moduli(spectrum, source=0, scale=scale)
            first.append(self._blurred(moduli, scale))
            if scale + 1 == self.settings.scales:
                continue  # no coarser wavelets
            inner = torch.fft.fft2(moduli)
            for coarser in range(scale + 1, self.settings.scales):
                outer = self._moduli(inner, source=scale, scale=coarser)
                second.append(self._blurred(outer, coarser))
        return torch.cat([self._blurred(padded, 0), *first, *second], dim=1)

    def _moduli(self, spectrum: Tensor, *, source: int, scale: int) -> Tensor:
        """Returns |signal * psi| of each channel and direction, subsampled.

        Args:
            spectrum: complex64 [batch, channels, height, width].
            source: the signal was subsampled by 2^source.
            scale: of the wavelets; the result is subsampled by 2^scale.
        """
        wavelets = self.get_buffer(f"wavelets_{source}_{scale}")
        folded = _folded(
            torch.view_as_real(spectrum).flatten(-2), 2 ** (scale - source)
        )
        product = folded[:, :, None, 0] * wavelets[:, 0]
        for alias in range(1, wavelets.shape[1]):
            product.addcmul_(folded[:, :, None, alias], wavelets[:, alias])
        wave = torch.fft.ifft2(
            torch.view_as_complex(product.view(*product.shape[:-1], -1, 2))
        )
        real, imaginary = torch.view_as_real(wave).unbind(-1)
        # torch's complex abs guards against overflow, at three times the time.
        modulus = (real * real).addcmul_(imaginary, imaginary).sqrt_()
        return modulus.flatten(1, 2)

    def _blurred(self, signal: Tensor, scale: int) -> Tensor:
        rows = self.get_buffer(f"blur_rows_{scale}")
        columns = self.get_buffer(f"blur_columns_{scale}")
        return rows @ (signal @ columns.T)


def _folded_shape(grid: Shape, *, source: int, scale: int) -> Shape:
    factor = 2 ** (scale - source)
    return (factor**2, grid[0] // 2**scale, 2 * grid[1] // 2**scale)


def _folded(spectrum: Tensor, factor: int) -> Tensor:
    """Returns the parts of a spectrum that subsampling lays on one another.

    Args:
        spectrum: [..., height, width].
        factor: of the subsampling.

    Returns:
        [..., factor^2, height / factor, width / factor].
    """
    *outer, height, width = spectrum.shape
    split = spectrum.view(*outer, factor, height // factor, factor, width // factor)
    shape = (*outer, factor**2, height // factor, width // factor)
    return split.transpose(-2, -3).reshape(shape)


def _aliased(spectrum: Tensor, factor: int) -> Tensor:
    """Returns the spectrum of a filter on a grid that is coarser by ``factor``."""
    return _folded(spectrum, factor).sum(dim=-3)
