"""IDX files; damaged ones are in test_bad_input."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from common.data.idx import load_idx, read_idx
from common.errors import DataError
from tests.common.data.idx_files import idx_bytes, write_idx_folder

ARRAYS = st.integers(1, 3).flatmap(
    lambda axes: arrays.arrays(
        np.uint8, arrays.array_shapes(min_dims=axes, max_dims=axes, max_side=5)
    )
)


@given(ARRAYS, st.booleans())
def test_reads_what_was_written(tmp_path_factory, array, compressed):
    """Any array of bytes comes back, whether or not the file is compressed."""
    path = tmp_path_factory.mktemp("idx") / "file"
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if compressed else content)

    result = read_idx(path, axes=array.ndim)

    np.testing.assert_array_equal(result, array)
    assert result.dtype == np.uint8


@given(st.binary(max_size=64), st.integers(0, 64))
def test_damage_is_one_line_or_another_array(tmp_path_factory, noise, place):
    """Whatever bytes a file holds, reading it raises nothing but a DataError."""
    path = tmp_path_factory.mktemp("idx") / "file"
    whole = gzip.compress(idx_bytes(np.arange(24).reshape(2, 3, 4)))
    path.write_bytes(whole[:place] + noise + whole[place + len(noise) :])

    try:
        outcome = read_idx(path, axes=3)
    except DataError as error:
        outcome = str(error)

    is_told = isinstance(outcome, str) and str(path) in outcome and "\n" not in outcome
    assert is_told or outcome.ndim == 3


@pytest.mark.parametrize("compressed", [False, True])
def test_loads_a_folder(tmp_path, compressed):
    """The four files become two sets of images."""
    train, test = load_idx(write_idx_folder(tmp_path, compressed=compressed))

    assert (len(train), len(test)) == (60, 20)
    assert train.input_shape == test.input_shape == (1, 4, 4)
    assert train.labels[:12].tolist() == [*range(10), 0, 1]
    assert (train.num_classes, train.white) == (10, 255)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_reads_the_real_files(real_data, name):
    """The published data sets: 60,000 and 10,000 images, balanced test labels."""
    train, test = load_idx(real_data(name))

    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.input_shape == (1, 28, 28)
    assert set(np.unique(train.labels)) == set(range(10))
    assert train.pixels.max() == 255
