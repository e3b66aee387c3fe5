"""Morlet wavelets and the Gaussian of a two-dimensional scattering transform.

Bruna & Mallat (2013), "Invariant Scattering Convolution Networks", IEEE TPAMI 35(8),
https://arxiv.org/abs/1203.1513. Constants as in Kymatio (Andreux et al. 2020, JMLR
21(60), https://arxiv.org/abs/1812.11214): sigma = 0.8 pixels and xi = 3 pi / 4 at the
finest scale, slant 4 / L. Circular on a grid of the padded image's size.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SIGMA = 0.8  # pixels
FREQUENCY = 0.75 * math.pi  # radians a pixel
SLANT = 4.0
# Copies of a filter on either side of the grid that wrap around it.
_WRAPS = 2


def morlet_spectra(
    shape: tuple[int, int], *, scales: int, angles: int
) -> NDArray[np.float64]:
    """Returns the Fourier transforms of all wavelets, which are real.

    Args:
        shape: (height, width) of the grid, in pixels.
        scales: number of octaves J, >= 1.
        angles: number of directions L over half a turn, >= 1.

    Returns:
        float64 [scales, angles, height, width]; zero at frequency zero.
    """
    return np.stack(
        [
            [
                np.fft.fft2(
                    _morlet(shape, scale=scale, angle=angle, slant=SLANT / angles)
                ).real
                for angle in (
                    (angles - angles // 2 - 1 - number) * math.pi / angles
                    for number in range(angles)
                )
            ]
            for scale in range(scales)
        ]
    )


def low_pass(length: int, *, scale: int, scales: int) -> NDArray[np.float64]:
    """Returns blur and subsampling along one axis, the outermost outputs left out.

    A Gaussian in two dimensions is a product of two in one, so blurring is one matrix
    for rows and one for columns.

    Args:
        length: of the padded image along this axis, a multiple of 2^scales.
        scale: the signal to blur was subsampled by 2^scale before.
        scales: the result is subsampled by 2^scales against the padded image.

    Returns:
        float64 [length / 2^scales - 2, length / 2^scale], positive.
    """
    sigma = SIGMA * 2 ** (scales - 1)
    outputs = np.arange(1, length // 2**scales - 1)[:, None] * 2**scales
    positions = np.arange(length // 2**scale)[None, :] * 2**scale
    offsets = (outputs - positions)[..., None] + length * _wraps()
    blur = np.exp(-(offsets**2) / (2 * sigma**2)).sum(axis=-1)
    result: NDArray[np.float64] = blur * 2**scale / (math.sqrt(2 * math.pi) * sigma)
    return result


def _wraps() -> NDArray[np.int64]:
    return np.arange(-_WRAPS, _WRAPS + 1)


def _morlet(
    shape: tuple[int, int], *, scale: int, angle: float, slant: float
) -> NDArray[np.complex128]:
    sigma, frequency = SIGMA * 2**scale, FREQUENCY / 2**scale
    wave = _gabor(shape, sigma=sigma, angle=angle, frequency=frequency, slant=slant)
    envelope = _gabor(shape, sigma=sigma, angle=angle, frequency=0.0, slant=slant)
    result: NDArray[np.complex128] = wave - envelope * (wave.sum() / envelope.sum())
    return result


def _gabor(
    shape: tuple[int, int],
    *,
    sigma: float,
    angle: float,
    frequency: float,
    slant: float,
) -> NDArray[np.complex128]:
    height, width = shape
    cosine, sine = math.cos(angle), math.sin(angle)
    rows = np.arange(height)[:, None, None, None] + height * _wraps()[:, None]
    columns = np.arange(width)[:, None, None] + width * _wraps()
    along, across = cosine * rows + sine * columns, cosine * columns - sine * rows
    exponent = -(along**2 + (slant * across) ** 2) / (2 * sigma**2)
    wrapped = np.exp(exponent + 1j * frequency * along).sum(axis=(-2, -1))
    result: NDArray[np.complex128] = wrapped * slant / (2 * math.pi * sigma**2)
    return result
