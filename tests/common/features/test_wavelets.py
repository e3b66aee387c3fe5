"""Morlet wavelets: zero mean, rotations of one another, together covering the plane."""

import numpy as np
import pytest

from common.features.wavelets import low_pass, morlet_spectra

SIZE = 36
BANK = morlet_spectra((SIZE, SIZE), scales=2, angles=8)
NEGATIVE = -np.arange(SIZE) % SIZE


def blur_spectrum():
    """Of the two-dimensional Gaussian, from its samples at one output."""
    row = low_pass(SIZE, scale=0, scales=2)[2]
    return np.abs(np.fft.fft2(np.outer(row, row)))


def test_a_wavelet_has_no_mean():
    """A constant image has no edges."""
    assert np.abs(BANK[..., 0, 0]).max() < 1e-12


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("scale", [0, 1])
def test_four_directions_on_is_a_quarter_turn(scale, number):
    """Eight directions are half a turn; spectra turn as wavelets do."""
    turned = BANK[scale, number][NEGATIVE].T

    np.testing.assert_allclose(BANK[scale, number + 4], turned, atol=1e-10)


@pytest.mark.parametrize("scale", [0, 1])
def test_a_wavelet_lives_at_its_own_frequency(scale):
    """3 pi / 4 at the finest scale, half of it at the next, within the grid's step."""
    frequencies = 2 * np.pi * np.fft.fftfreq(SIZE)
    radius = np.hypot(frequencies[:, None], frequencies)

    peaks = [radius.flat[np.abs(spectrum).argmax()] for spectrum in BANK[scale]]

    step = 2 * np.pi / SIZE
    assert np.abs(np.array(peaks) - 0.75 * np.pi / 2**scale).max() < step


def test_the_bank_keeps_energy_within_bounds():
    """Littlewood-Paley: nowhere more than comes in, and nothing is lost but corners."""
    mirrored = BANK[:, :, NEGATIVE][..., NEGATIVE]
    total = blur_spectrum() ** 2 + ((BANK**2 + mirrored**2) / 2).sum(axis=(0, 1))
    frequencies = np.abs(2 * np.pi * np.fft.fftfreq(SIZE))
    inside = np.hypot(frequencies[:, None], frequencies) < np.pi

    assert total.max() < 1.05
    assert total[inside].min() > 0.3


@pytest.mark.parametrize(("length", "scale", "scales"), [(36, 0, 2), (36, 1, 2)])
def test_blurring_keeps_a_constant(length, scale, scales):
    """Weights are positive and add up to 1."""
    blur = low_pass(length, scale=scale, scales=scales)

    assert blur.shape == (length // 2**scales - 2, length // 2**scale)
    assert (blur >= 0).all()
    np.testing.assert_allclose(blur.sum(axis=1), 1, atol=1e-5)
