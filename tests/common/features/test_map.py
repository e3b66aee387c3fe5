"""The feature map: unit norm, and nothing of other rows."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from common.errors import DataError
from common.features.basis import fit_basis
from common.features.batches import featurise
from common.features.map import (
    INTERCEPT,
    FeatureMap,
    empty_map,
    most_dimensions,
)
from common.weights import load_into, to_bytes
from tests.common.features.support import IMAGES, digits, same_bytes, table

BASIS = fit_basis(IMAGES, digits())
TABLE = fit_basis(("standardised",), table())


def feature_map(basis=BASIS, dimension=20, exponent=0.6):
    return FeatureMap(basis, dimension=dimension, exponent=exponent)


@pytest.mark.parametrize("exponent", [0.0, 0.6, 1.0])
def test_every_row_has_norm_one(exponent):
    """The sensitivity of a head rests on it."""
    features = featurise(feature_map(exponent=exponent), digits(40))

    norms = np.linalg.norm(features.astype(np.float64), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


@given(
    arrays.arrays(
        np.float32, (4, 6), elements=st.floats(width=32, allow_subnormal=True)
    )
)
def test_no_row_has_a_norm_above_one(coordinates):
    """Whatever coordinates are: huge, tiny, infinite or not a number."""
    features = feature_map(TABLE, dimension=6).from_coordinates(coordinates)

    norms = np.linalg.norm(features.astype(np.float64), axis=1)
    assert np.isfinite(features).all()
    assert (np.isclose(norms, 1, atol=1e-6) | (norms == 0)).all()


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, -np.inf])
def test_a_row_without_a_direction_becomes_zero(bad):
    """Zero, infinite or not a number: it then adds nothing to a sum."""
    coordinates = np.ones((3, 6), np.float32)
    coordinates[1] = bad

    features = feature_map(TABLE, dimension=6).from_coordinates(coordinates)

    assert (features[1] == 0).all()
    assert (features[[0, 2]] != 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_an_example_that_is_not_finite_becomes_zero(bad):
    """Beside it, all stays as it was."""
    images = digits(20)
    straight = featurise(feature_map(), images)
    images[4] = bad

    features = featurise(feature_map(), images)

    assert (features[4] == 0).all()
    kept = np.arange(20) != 4
    assert same_bytes(features[kept], straight[kept])


def test_a_row_depends_on_itself_alone():
    """Bit by bit, whatever the batch."""
    together = featurise(feature_map(), digits(140))

    rows = np.random.default_rng(3).integers(0, 140, 37)
    assert same_bytes(featurise(feature_map(), digits(140)[rows]), together[rows])


def test_coordinates_that_are_known_give_the_same_features():
    """The second half of the map alone."""
    coordinates = featurise(BASIS, digits(50))

    features = feature_map().from_coordinates(coordinates)

    np.testing.assert_allclose(
        features, featurise(feature_map(), digits(50)), atol=1e-5
    )


def test_fewer_dimensions_are_the_first_ones():
    """Truncation is the fit at that dimension, up to the norm."""
    wide, narrow = (
        featurise(feature_map(dimension=dimension), digits(50)).astype(np.float64)
        for dimension in (20, 5)
    )

    first = wide[:, :5] / np.linalg.norm(wide[:, :5], axis=1, keepdims=True)
    np.testing.assert_allclose(narrow, first, atol=1e-4)


@pytest.mark.parametrize("exponent", [0.0, 0.6, 1.0])
def test_a_component_is_scaled_by_its_variance(exponent):
    """By v^(-exponent/2)."""
    eigenvalues = TABLE.get_buffer("eigenvalues").double().numpy()

    features = feature_map(TABLE, dimension=6, exponent=exponent).from_coordinates(
        np.ones((1, 5), np.float32)
    )

    scales = eigenvalues ** (-exponent / 2)
    components = features[0, :5] / np.linalg.norm(features[0, :5])
    np.testing.assert_allclose(components, scales / np.linalg.norm(scales), rtol=1e-5)


def test_a_table_has_a_constant_beside_its_components():
    """The same for every row; the whole still has norm 1. Images have none."""
    features = featurise(feature_map(TABLE, dimension=4), table())

    assert (features[:, 3] == np.float32(INTERCEPT)).all()
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)
    assert most_dimensions(TABLE) == TABLE.dimension + 1
    assert most_dimensions(BASIS) == BASIS.dimension


def test_a_file_needs_no_transfer_set():
    """Layout and tensors give the same bytes, the exponent included."""
    whole = feature_map(exponent=0.7)
    with torch.device("meta"):
        again = empty_map(json.loads(json.dumps(whole.layout())))
    again.to_empty(device="cpu")

    load_into(again, to_bytes(whole))

    assert again.dimension == 20
    assert same_bytes(featurise(again, digits(30)), featurise(whole, digits(30)))


def test_a_file_holds_what_is_needed_only():
    """Rows of matrices beyond the dimension do not travel."""
    state = feature_map(dimension=7).state_dict()

    assert {tensor.shape[-1] for name, tensor in state.items() if "matrix" in name} == {
        7
    }


def test_more_dimensions_than_there_are_is_said_in_one_line():
    """Key, value, what is allowed, what happens now."""
    with pytest.raises(DataError, match=r"\[head\] dimension = 8: .* span 6 .*run\.$"):
        feature_map(TABLE, dimension=8)


@pytest.mark.parametrize("change", [{"dimension": 0}, {"exponent": 1.5}])
def test_values_out_of_range_are_refused(change):
    """On construction."""
    with pytest.raises(ValueError, match="Expected"):
        feature_map(**change)
