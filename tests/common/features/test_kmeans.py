"""Lloyd's k-means."""

import torch

from common.features.kmeans import kmeans


def found(points, *, count, iterations=20, seed=0):
    return kmeans(
        points,
        count=count,
        iterations=iterations,
        generator=torch.Generator().manual_seed(seed),
    )


def clouds():
    """Three tight clouds of fifty points, whose means are known."""
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    noise = torch.randn(50, 2, generator=torch.Generator().manual_seed(1)) / 10
    return torch.cat([centre + noise for centre in centres]), centres + noise.mean(0)


def test_centroids_are_means_of_what_is_nearest():
    """A fixed point of Lloyd's algorithm."""
    points, _ = clouds()

    centroids = found(points, count=5)

    nearest = torch.cdist(points, centroids).argmin(dim=1)
    for number in nearest.unique():
        mean = points[nearest == number].mean(dim=0)
        torch.testing.assert_close(centroids[number], mean, atol=1e-4, rtol=1e-4)


def test_clouds_are_found():
    """From a start with a point of each."""
    points, means = clouds()
    starts = (found(points, count=3, seed=seed) for seed in range(10))

    errors = [torch.cdist(means, start).min(dim=1).values.max() for start in starts]

    assert min(errors) < 1e-4


def test_more_centroids_than_points_are_filled_up():
    """With points that are there."""
    points, _ = clouds()

    centroids = found(points[:4], count=9)

    assert centroids.shape == (9, 2)
    assert torch.cdist(centroids, points[:4]).min(dim=1).values.max() < 1e-5


def test_the_same_seed_gives_the_same_bytes():
    """And another seed does not."""
    points, _ = clouds()

    assert torch.equal(found(points, count=7), found(points, count=7))
    assert not torch.equal(found(points, count=7), found(points, count=7, seed=1))
