"""k-means patches."""

import numpy as np
import pytest
import torch

from common.features.patches import KMeansPatches, PatchSettings
from tests.common.features.support import digits

SETTINGS = PatchSettings(size=3, grid=2, centroids=12, samples=2000)


def fitted(images, settings=SETTINGS):
    result = KMeansPatches(images.shape[1:], settings)
    result.fit(torch.from_numpy(images))
    return result


def by_definition(patches, image):
    """Roots of pooled triangle activations of one image, loop by loop."""
    size, grid = patches.settings.size, patches.settings.grid
    mean, whitening, centroids = (
        patches.get_buffer(name).numpy().astype(np.float64)
        for name in ("patch_mean", "whitening", "centroids")
    )
    count = image.shape[-1] - size + 1
    active = np.zeros((count, count, len(centroids)))
    for row in range(count):
        for column in range(count):
            patch = image[:, row : row + size, column : column + size].ravel()
            patch = (patch - patch.mean()) / np.sqrt(patch.var() + (10 / 255) ** 2)
            white = (patch - mean) @ whitening
            distances = np.linalg.norm(white - centroids, axis=1)
            active[row, column] = np.maximum(0, distances.mean() - distances)
    half = count // grid
    cells = [
        active[row : row + half, column : column + half].mean(axis=(0, 1))
        for row in (0, half)
        for column in (0, half)
    ]
    return np.sqrt(np.concatenate(cells))


def test_it_is_what_the_definition_says():
    """Distances by one matrix product are distances."""
    images = digits(60)
    patches = fitted(images)

    found = patches(torch.from_numpy(images[:3])).numpy()

    expected = np.stack([by_definition(patches, image) for image in images[:3]])
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_whitened_patches_are_white():
    """Without a floor, the patches of the fit have unit covariance."""
    images = digits(100)
    patches = fitted(images, PatchSettings(size=2, grid=2, whitening_floor=1e-9))
    sample = patches._normalised(
        patches._sample(torch.from_numpy(images), torch.Generator().manual_seed(1))
    )

    white = (sample - patches.patch_mean) @ patches.whitening

    # A patch without its mean has one direction less.
    variances = torch.linalg.eigvalsh(torch.cov(white.T, correction=0))
    torch.testing.assert_close(variances[1:], torch.ones(3), atol=0.1, rtol=0)


def test_light_and_contrast_hardly_matter():
    """Patches are normalised one by one."""
    images = digits(60)
    patches = fitted(images)
    strong = 20 * torch.from_numpy(images[:5])

    torch.testing.assert_close(
        patches(strong), patches(2 * strong + 3), atol=2e-2, rtol=0
    )


def test_the_same_images_give_the_same_centroids():
    """The seed is a constant of the method."""
    first, second = fitted(digits(40)), fitted(digits(40))

    assert torch.equal(first.centroids, second.centroids)


def test_images_of_one_colour_teach_nothing_and_break_nothing():
    """All patches are flat; features stay finite."""
    images = np.full((5, 1, 8, 8), 0.3, np.float32)

    outputs = fitted(images)(torch.from_numpy(images))

    assert torch.isfinite(outputs).all()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1, 28, 28), 3600), ((3, 32, 32), 3600), ((1, 8, 8), 1600), ((1, 9, 20), 1600)],
)
def test_an_image_becomes_so_many_numbers(shape, expected):
    """400 centroids on 3 x 3 cells, 2 x 2 for small images."""
    patches = KMeansPatches(shape, KMeansPatches.default_settings(shape))

    assert patches.num_features == expected
    assert patches(torch.rand(2, *shape)).shape == (2, expected)


def test_patches_see_all_colours():
    """Another order of channels is another image."""
    images = np.random.default_rng(2).random((30, 3, 8, 8)).astype(np.float32)
    patches = fitted(images)
    colours = torch.from_numpy(images)

    assert not torch.allclose(patches(colours), patches(colours.flip(1)), atol=1e-2)


def test_an_image_does_not_see_its_neighbours():
    """A neighbour that is not a number changes nothing."""
    images = torch.from_numpy(digits(20))
    spoiled = images.clone()
    spoiled[5] = torch.inf
    patches = fitted(digits(20))

    straight, beside = patches(images), patches(spoiled)

    kept = torch.arange(20) != 5
    assert torch.equal(straight[kept], beside[kept])
    assert not torch.isfinite(beside[5]).any()


@pytest.mark.parametrize(
    ("shape", "words"),
    [((14,), "kmeans-patches needs images"), ((1, 3, 9), "at least 4 x 4")],
)
def test_what_is_no_image_is_refused(shape, words):
    """With what to use instead."""
    with pytest.raises(ValueError, match=words):
        KMeansPatches.default_settings(shape)
