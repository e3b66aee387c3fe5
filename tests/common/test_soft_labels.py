"""Soft labels as log probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.soft_labels import SoftLabels, log_softmax
from tests.strategies import soft_labels


def make(**changes):
    values = {
        "log_probabilities": np.log(np.full((2, 4), 0.25, np.float32)),
        "temperature": 1.0,
        "transfer_set_id": "abc",
        "indices": np.array([3, 1], np.int32),
    }
    return SoftLabels(**{**values, **changes})


@given(soft_labels())
def test_probabilities_lie_on_the_simplex(labels):
    """Derived probabilities are >= 0 and sum to one."""
    assert (labels.probabilities >= 0).all()
    np.testing.assert_allclose(labels.probabilities.sum(axis=1), 1, atol=1e-4)


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=8), st.floats(-1e4, 1e4))
def test_log_softmax_is_normalised_and_forgets_a_constant(logits, constant):
    """Rows are normalised, and adding a constant to all logits changes nothing."""
    row = np.array(logits)

    result = log_softmax(row)

    assert np.isclose(np.exp(result).sum(), 1)
    np.testing.assert_allclose(log_softmax(row + constant), result, atol=1e-9)


def test_log_softmax_keeps_a_large_gap():
    """A gap of 2,000 stays a logarithm instead of becoming minus infinity."""
    assert log_softmax(np.array([0.0, -2000.0])).tolist() == [0.0, -2000.0]


def test_log_softmax_takes_an_impossible_class():
    """A logit of minus infinity means probability 0, and the others share the rest."""
    result = log_softmax(np.array([0.0, 0.0, -np.inf]))

    np.testing.assert_allclose(np.exp(result), [0.5, 0.5, 0])


def test_an_impossible_class_is_allowed():
    """Minus infinity is probability 0."""
    logs = np.array([[0.0, -np.inf]], np.float32)

    labels = make(log_probabilities=logs, indices=np.array([0]))

    assert labels.probabilities.tolist() == [[1, 0]]


def test_knows_its_sizes_and_cannot_be_written_to():
    """Counts follow from the array, and the arrays are read-only."""
    labels = make()

    assert (len(labels), labels.num_classes) == (2, 4)
    for array in (labels.log_probabilities, labels.indices, labels.probabilities):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"log_probabilities": np.zeros(4)}, "got (4,)"),
        ({"log_probabilities": np.zeros((2, 1))}, "at least two classes, got (2, 1)"),
        ({"log_probabilities": np.zeros((2, 4))}, "the worst is off by 3"),
        ({"log_probabilities": np.full((2, 4), np.nan)}, "without NaN"),
        ({"log_probabilities": np.full((2, 4), -np.inf)}, "the worst is off by 1"),
        ({"temperature": 0.0}, "Expected temperature=0.0 to be > 0."),
        ({"temperature": np.inf}, "Expected temperature=inf to be finite."),
        ({"transfer_set_id": ""}, "Expected transfer_set_id not to be empty."),
        ({"indices": np.array([1])}, "Expected 2 indices, one a row, got (1,)."),
        ({"indices": np.array([1, 1])}, "Expected distinct indices."),
        ({"indices": np.array([-1, 1])}, "Expected indices to be integers in"),
        ({"indices": np.array([2**32, 1])}, "Expected indices to be integers in"),
        ({"indices": np.array([0.0, 1.0])}, "Expected indices to be integers in"),
    ],
)
def test_refuses_what_are_no_soft_labels(changes, message):
    """Wrong shapes, NaN, rows off the simplex and odd indices are refused."""
    with pytest.raises(ValueError, match="Expected") as caught:
        make(**changes)

    assert message in str(caught.value)
