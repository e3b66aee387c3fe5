"""Private data: faults of rows are the owner's business, of files the site's end."""

import numpy as np
import pytest

from client.private_data import PrivateData
from common.errors import DataError


def make_data(inputs=None, labels=None, num_classes=3):
    if inputs is None:
        inputs = np.arange(8, dtype=np.float32).reshape(4, 2)
    if labels is None:
        labels = np.array([0, 1, 2, 0])
    return PrivateData(inputs=inputs, labels=labels, num_classes=num_classes)


def test_rows_are_returned_in_the_order_asked():
    """Inputs and labels of the rows asked for come back together."""
    inputs, labels = make_data().rows(np.array([2, 0]))

    assert inputs.tolist() == [[4, 5], [0, 1]]
    assert labels.tolist() == [2, 0]


def test_row_does_not_depend_on_the_other_rows():
    """No scaling, centring or filling in by statistics of the private rows."""
    inputs = np.array([[3, 4], [10, -20], [0.5, 0.25], [7, 7]], np.float32)
    inputs[3, 1] = np.nan

    for count in (2, 4):
        data = make_data(inputs[:count], np.zeros(count, np.int64))
        row, _ = data.rows(np.array([1]))
        assert row.tolist() == [[10, -20]], (
            "Rule 4: private inputs are scaled by statistics of private rows."
        )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_row_with_a_bad_input_is_left_out(value):
    """A row that is not finite gives no gradient, and only the owner hears of it."""
    inputs = np.zeros((4, 2), np.float32)
    inputs[1, 1] = value

    data = make_data(inputs=inputs)

    assert data.rows(np.arange(4))[1].tolist() == [0, 2, 0], (
        "Rule 8: a row that is not finite gives a gradient."
    )
    assert len(data) == 4
    (problem,) = data.problems
    assert problem == (
        "1 rows have an input that is not finite (rows 1). They count with zero "
        "gradient."
    )


@pytest.mark.parametrize("label", [-1, 3, 2**40])
def test_row_with_a_bad_label_is_left_out(label):
    """A label outside the policy's classes gives no gradient."""
    data = make_data(labels=np.array([0, label, 1, 2]))

    assert data.rows(np.arange(4))[1].tolist() == [0, 1, 2]
    assert data.problems == (
        "1 rows have a label outside [0, 2] (rows 1). They count with zero gradient.",
    )


def test_many_bad_rows_are_named_briefly():
    """The owner's message names five rows, not all."""
    data = make_data(np.full((9, 1), np.nan, np.float32), np.zeros(9, np.int64))

    assert "(rows 0, 1, 2, 3, 4, ...)" in data.problems[0]


def test_clean_data_have_no_problems():
    """Nothing is said about data without faults."""
    assert make_data().problems == ()


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0, np.int64), "at least one example"),
        (np.zeros(3), np.zeros(3, np.int64), r"shape \[num_examples, ...\]"),
        (np.zeros((3, 2)), np.zeros(2, np.int64), "one label for each of 3 inputs"),
        (np.zeros((3, 2)), np.zeros(3), "Expected integer labels, got float64"),
        (np.full((3, 2), "a"), np.zeros(3, np.int64), "Expected numeric inputs"),
    ],
)
def test_fault_of_the_file_stops_the_site(inputs, labels, message):
    """What no row can excuse raises, and says that the site does not start."""
    with pytest.raises(DataError, match=message) as caught:
        make_data(inputs, labels)

    assert str(caught.value).endswith("The site does not start.")


def test_printing_shows_no_value():
    """Neither inputs nor labels nor problems stand in the printed form."""
    inputs = np.full((4, 2), 7.25, np.float32)
    inputs[0] = np.nan

    assert repr(make_data(inputs=inputs)) == "PrivateData(num_classes=3)"


def test_arrays_cannot_be_written_to():
    """Data that were validated stay as they were validated."""
    data = make_data()

    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0] = 1


def test_fingerprint_depends_on_data_and_key():
    """A change of a row, a label or the key changes the fingerprint."""
    data = make_data()
    other_labels = make_data(labels=np.array([0, 1, 2, 1]))
    fewer = make_data(data.inputs[:3], data.labels[:3])

    prints = {
        data.fingerprint(b"key"),
        data.fingerprint(b"another"),
        other_labels.fingerprint(b"key"),
        fewer.fingerprint(b"key"),
    }

    assert len(prints) == 4
    assert make_data().fingerprint(b"key") == data.fingerprint(b"key")
