"""NumPy arrays as examples; files that do not fit are in test_bad_input."""

import numpy as np
import pytest

from common.config.data_sections import Data
from common.data.npz import ArrayExamples, as_inputs, load_npz, read_arrays


def load(folder, **arrays):
    path = folder / "arrays.npz"
    np.savez(path, **arrays)
    return load_npz(Data(name="npz", path=str(path), classes=3))


LABELS = np.asarray([0, 2, 1])


def test_numbers_stay_as_they_are(tmp_path):
    """As float32."""
    inputs = np.asarray([[1.5, -2], [0, 300], [7, 8]])

    examples = load(tmp_path, inputs=inputs, labels=LABELS).examples

    selected = examples.select(np.asarray([2, 0]))
    assert selected.inputs.tolist() == [[7, 8], [1.5, -2]]
    assert selected.inputs.dtype == np.float32
    assert selected.labels.tolist() == [1, 0]
    assert (examples.input_shape, examples.num_classes, len(examples)) == ((2,), 3, 3)


def test_bytes_are_pixels(tmp_path):
    """255 is white, and grey images get a channel."""
    inputs = np.full((3, 4, 5), 255, np.uint8)

    examples = load(tmp_path, inputs=inputs, labels=LABELS).examples

    assert examples.input_shape == (1, 4, 5)
    assert examples.inputs(np.arange(3)).max() == 1.0
    assert examples.inputs(np.arange(1)).shape == (1, 1, 4, 5)


def test_test_examples_of_their_own_are_found(tmp_path):
    """Both arrays or none."""
    inputs = np.zeros((3, 2))

    without = load(tmp_path, inputs=inputs, labels=LABELS)
    both = load(
        tmp_path, inputs=inputs, labels=LABELS, test_inputs=inputs, test_labels=LABELS
    )

    assert without.test is None
    assert len(both.test) == 3


def test_an_npy_file_is_its_inputs(tmp_path):
    """For a transfer set nothing more is needed."""
    np.save(tmp_path / "x.npy", np.ones((2, 3)))

    assert list(read_arrays(tmp_path / "x.npy")) == ["inputs"]


def test_bytes_stay_bytes_until_they_are_selected():
    """As float32 they would take four times the memory."""
    pixels = np.zeros((3, 1, 2, 2), np.uint8)
    examples = ArrayExamples(array=pixels, labels=LABELS, num_classes=3, source="x")

    assert examples.array is pixels


@pytest.mark.parametrize("dtype", [np.int16, np.float64, np.bool_])
def test_other_types_are_not_scaled(dtype):
    """Only bytes are pixels."""
    assert as_inputs(np.ones((1, 2), dtype)).tolist() == [[1, 1]]
