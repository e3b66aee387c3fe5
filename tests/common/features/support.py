"""Small public examples that tests of features share."""

import numpy as np
from sklearn.datasets import load_digits

IMAGES = ("scattering", "kmeans-patches")


def digits(count=150):
    """Real images of 8 x 8 pixels, float32 [count, 1, 8, 8] in [0, 1]."""
    images = load_digits().images[:count]
    return (images / 16).astype(np.float32)[:, None]


def table(count=150, columns=6):
    """Rows of a table with columns of unlike sizes, float32 [count, columns]."""
    generator = np.random.default_rng(5)
    mixed = generator.normal(size=(count, columns)) @ generator.normal(
        size=(columns, columns)
    )
    return (mixed * 10.0 ** np.arange(-2, columns - 2)).astype(np.float32)


def same_bytes(left, right):
    """Whether two arrays are equal bit by bit."""
    return left.shape == right.shape and left.tobytes() == right.tobytes()
