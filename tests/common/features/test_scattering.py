"""The scattering transform."""

import numpy as np
import pytest
import torch

from common.features.scattering import Scattering, ScatteringSettings
from common.features.wavelets import low_pass, morlet_spectra
from tests.common.features.support import digits

IMAGE = np.random.default_rng(3).random((28, 28))


def transform(shape=(1, 28, 28), **settings):
    result = Scattering(shape, ScatteringSettings(**settings))
    result.fit(torch.zeros(1, *shape))
    return result


def scattered(images, **settings):
    """Roots of coefficients, [batch, channels, outputs, outputs]."""
    images = torch.as_tensor(np.asarray(images), dtype=torch.float32)
    result = transform(tuple(images.shape[1:]), **settings)
    side = int((result.num_features / result.num_channels / images.shape[1]) ** 0.5)
    return result(images).view(len(images), -1, side, side).numpy()


def by_definition(image):
    """Coefficients of one 28 x 28 image: convolve at full size, then subsample."""
    padded = np.pad(image, 4, mode="reflect")
    bank = morlet_spectra((36, 36), scales=2, angles=8)

    def moduli(signal, spectra):
        return np.abs(np.fft.ifft2(np.fft.fft2(signal) * spectra))

    def blurred(signal, scale):
        blur = low_pass(36, scale=scale, scales=2)
        return blur @ signal @ blur.T

    first = moduli(padded, bank[0])
    second = moduli(padded, bank[1])[:, ::2, ::2]
    both = [moduli(one, bank[1])[:, ::2, ::2] for one in first]
    return np.concatenate(
        [
            blurred(padded, 0)[None],
            blurred(first, 0),
            blurred(second, 1),
            blurred(np.concatenate(both), 1),
        ]
    )


def test_it_is_what_the_definition_says():
    """Folding in the Fourier domain is subsampling, to float precision."""
    expected = np.sqrt(by_definition(IMAGE))

    found = scattered(IMAGE[None, None])[0]

    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(
    ("shape", "settings", "expected"),
    [
        ((1, 28, 28), {}, 81 * 7 * 7),
        ((3, 32, 32), {}, 3 * 81 * 8 * 8),
        ((1, 27, 30), {}, 81 * 7 * 8),
        ((1, 8, 8), {}, 81 * 2 * 2),
        ((1, 8, 8), {"scales": 1}, 9 * 4 * 4),
        ((1, 5, 4), {"scales": 1, "angles": 6}, 7 * 3 * 2),
        ((1, 32, 32), {"scales": 3, "angles": 4}, 61 * 4 * 4),
    ],
)
def test_an_image_becomes_so_many_numbers(shape, settings, expected):
    """Three orders, J octaves, L directions, subsampled by 2^J."""
    result = transform(shape, **settings)

    outputs = result(torch.rand(2, *shape))

    assert outputs.shape == (2, expected)
    assert result.num_features == expected
    assert torch.isfinite(outputs).all()


def test_a_constant_image_has_no_edges():
    """Order 0 is the image, the others are zero."""
    found = scattered(np.full((1, 1, 28, 28), 0.25))[0]

    np.testing.assert_allclose(found[0], 0.5, atol=1e-5)
    assert np.abs(found[1:]).max() < 1e-3


def test_it_moves_as_the_image_moves():
    """Four pixels are one output."""
    spot = np.zeros((1, 1, 28, 28))
    spot[..., 12:16, 12:16] = IMAGE[:4, :4]

    moved = scattered(np.roll(spot, 4, axis=-1))

    np.testing.assert_allclose(moved[..., 2:6], scattered(spot)[..., 1:5], atol=1e-3)


def test_it_hardly_notices_a_shift_of_one_pixel():
    """Far less than pixels do, relative to their size."""
    images = np.pad(digits(20), ((0, 0), (0, 0), (10, 10), (10, 10)))
    shifted = np.roll(images, 1, axis=-1)

    def change(left, right):
        return np.linalg.norm(left - right) / np.linalg.norm(left)

    assert change(scattered(images), scattered(shifted)) < 0.5 * change(images, shifted)


def test_it_does_not_expand():
    """Coefficients of two images are nearer than the images are (times a constant)."""
    left, right = IMAGE, IMAGE.T
    apart = np.linalg.norm(np.pad(left - right, 4, mode="reflect"))

    between = np.linalg.norm(by_definition(left) - by_definition(right)) * 4

    assert between < 1.05 * apart


def test_a_brighter_image_has_larger_numbers():
    """Coefficients are proportional to the image, so roots go with the root."""
    np.testing.assert_allclose(
        scattered(4 * IMAGE[None, None]), 2 * scattered(IMAGE[None, None]), rtol=1e-3
    )


def test_colours_are_handled_one_by_one():
    """A channel's numbers do not depend on the other channels."""
    colours = np.stack([IMAGE, IMAGE.T, 1 - IMAGE])[None]

    together = scattered(colours)[0]

    alone = np.concatenate([scattered(one[None, None])[0] for one in colours[0]])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_an_image_does_not_see_its_neighbours():
    """A neighbour that is not a number changes nothing."""
    images = torch.rand(20, 1, 28, 28)
    spoiled = images.clone()
    spoiled[5] = torch.nan
    result = transform()

    straight, beside = result(images), result(spoiled)

    kept = torch.arange(20) != 5
    assert torch.equal(straight[kept], beside[kept])
    assert torch.isnan(beside[5]).any()


def test_small_images_get_fewer_octaves():
    """Reflection adds pixels, and cannot add more than there are."""
    assert Scattering.default_settings((1, 8, 8)) == ScatteringSettings()
    assert Scattering.default_settings((1, 6, 28)) == ScatteringSettings(scales=1)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((14,), "needs images of shape .channels, height, width.*standardised"),
        ((1, 3, 28), "at least 4 x 4 pixels"),
    ],
)
def test_what_is_no_image_is_refused(shape, words):
    """With what to use instead."""
    with pytest.raises(ValueError, match=words):
        Scattering.default_settings(shape)


def test_settings_that_ask_for_too_small_outputs_are_refused():
    """As a file from anybody may."""
    with pytest.raises(ValueError, match="at least 16 x 16"):
        Scattering((1, 8, 8), ScatteringSettings(scales=3))
