"""Labelled examples and images."""

import numpy as np
import pytest

from common.data.examples import Images, LabelledExamples
from common.errors import DataError


def examples(**changes):
    values = {
        "inputs": np.arange(6, dtype=np.float32).reshape(3, 2),
        "labels": np.array([0, 1, 2]),
    }
    return LabelledExamples(**{**values, **changes})


def images(**changes):
    values = {
        "pixels": np.array([[[0, 255]], [[51, 102]]], np.uint8),
        "labels": np.array([3, 9], np.uint8),
        "white": 255,
        "num_classes": 10,
        "source": "here",
    }
    return Images(**{**values, **changes})


def test_examples_are_read_only_and_of_stated_types():
    """Inputs are float32, labels int64, and neither can be written to."""
    result = examples(inputs=np.zeros((3, 2), np.float64), labels=np.zeros(3, np.uint8))

    assert len(result) == 3
    assert (result.inputs.dtype, result.labels.dtype) == (np.float32, np.int64)
    for array in (result.inputs, result.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_selection_keeps_inputs_and_labels_together():
    """The chosen rows, in the chosen order."""
    result = examples().select(np.array([2, 0]))

    assert result.inputs.tolist() == [[4, 5], [0, 1]]
    assert result.labels.tolist() == [2, 0]


def spoiled(value):
    inputs = np.zeros((3, 2))
    inputs[1:, 1] = value
    return inputs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.zeros(3)}, "Expected inputs of shape [num_examples, ...], got"),
        (
            {"labels": np.zeros(2, int)},
            "one label for each of 3 examples, got labels of",
        ),
        ({"labels": np.zeros((3, 1), int)}, "got labels of shape (3, 1)"),
        ({"labels": np.zeros(3)}, "labels to be whole numbers, got float64"),
        ({"labels": np.array([0, -1, 0])}, "row 1 has a negative label"),
        (
            {"inputs": spoiled(np.nan)},
            "row 1 has a value that is NaN or infinite (and 1",
        ),
        ({"inputs": spoiled(np.inf)}, "row 1 has a value that is NaN or infinite"),
        ({"inputs": spoiled(1e300)}, "row 1 has a value that is NaN or infinite"),
    ],
)
def test_examples_refuse_what_cannot_be_learnt_from(changes, message):
    """The first bad row is named, and the message is one line."""
    with pytest.raises(DataError) as caught:
        examples(**changes)

    assert message in str(caught.value)
    assert str(caught.value).endswith("Nothing was run.")
    assert "\n" not in str(caught.value)


def test_images_become_inputs_between_zero_and_one():
    """Black is 0, white is 1, and a channel axis is added."""
    result = images().select(np.array([1, 0]))

    assert images().input_shape == (1, 1, 2)
    np.testing.assert_allclose(result.inputs, [[[[0.2, 0.4]]], [[[0, 1]]]])
    assert result.labels.tolist() == [9, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.zeros(3, np.uint8)}, "here: 2 images and 3 labels, the counts"),
        (
            {"labels": np.array([1, 10], np.uint8)},
            "here: row 1 has a label out of range",
        ),
        (
            {"pixels": np.zeros((2, 0, 4), np.uint8)},
            "here: images of shape (2, 0, 4), there must be at least one pixel",
        ),
        (
            {"pixels": np.zeros((0, 4, 4), np.uint8), "labels": np.zeros(0, np.uint8)},
            "here: images of shape (0, 4, 4)",
        ),
    ],
)
def test_images_refuse_what_does_not_fit(changes, message):
    """Counts must agree, and labels must be class numbers."""
    with pytest.raises(DataError) as caught:
        images(**changes)

    assert message in str(caught.value)
