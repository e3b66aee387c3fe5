"""Coordinates that are remembered row by row."""

import numpy as np
import pytest

from common.features import table as module
from common.features.basis import fit_basis
from common.features.batches import featurise
from common.features.table import CoordinateTable
from tests.common.features.support import IMAGES, digits, same_bytes

BASIS = fit_basis(IMAGES, digits(60))


@pytest.fixture
def asked(monkeypatch):
    """How many rows the basis was asked for, call by call."""
    counts = []

    def counting(basis, inputs):
        counts.append(len(inputs))
        return featurise(basis, inputs)

    monkeypatch.setattr(module, "featurise", counting)
    return counts


def test_it_gives_the_bytes_of_the_basis(asked):
    """However rows come together, and again."""
    images, coordinates = digits(150), CoordinateTable(BASIS)
    expected = featurise(BASIS, images)
    generator = np.random.default_rng(1)

    for count in (1, 40, 150, 7, 300):
        rows = generator.integers(0, 150, count)
        assert same_bytes(coordinates(images[rows]), expected[rows])


def test_a_row_is_computed_once(asked):
    """New ones only, each once, all in one go."""
    images, coordinates = digits(30), CoordinateTable(BASIS)

    coordinates(images[:10])
    coordinates(images[[3, 3, 12, 12, 5, 13]])
    coordinates(images[:10])

    assert asked == [10, 2]


def test_no_rows_have_coordinates():
    """None in, none out."""
    assert CoordinateTable(BASIS)(digits(5)[:0]).shape == (0, BASIS.dimension)


def test_what_it_returned_is_not_its_memory():
    """A caller may change what it got."""
    coordinates = CoordinateTable(BASIS)
    coordinates(digits(5))[:] = 0

    assert coordinates(digits(5)).any()


def test_its_memory_is_bounded(asked, monkeypatch):
    """Beyond that it starts again."""
    monkeypatch.setattr(module, "MOST_ROWS", 20)
    images, coordinates = digits(60), CoordinateTable(BASIS)

    for start in (0, 15, 30, 0):
        coordinates(images[start : start + 15])
        assert len(coordinates._positions) <= 20

    assert asked == [15, 15, 15, 15]
