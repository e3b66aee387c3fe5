"""What a public schema makes of the rows of a table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data.schema import Schema
from common.data.table import (
    Table,
    encode_inputs,
    encode_labels,
    input_names,
    site_names,
)

SCHEMA = Schema.model_validate(
    {
        "label": {"column": "y", "classes": ["no", "yes"]},
        "missing": "?",
        "columns": {
            "age": {"kind": "numeric", "low": 10, "high": 30},
            "bmi": {
                "kind": "numeric",
                "low": 0,
                "high": 100,
                "missing": True,
                "missing-value": 25,
            },
            "ward": {"kind": "categorical", "categories": ["a", "b"]},
            "drug": {"kind": "categorical", "categories": ["x"], "other": True},
        },
    }
)
ROW = {"age": "20", "bmi": "50", "ward": "b", "drug": "x", "y": "yes"}


def table(*rows):
    columns = {name: [row[name] for row in rows] for name in ROW}
    return Table(
        source="t.csv", columns=columns, rows=range(2, 2 + len(rows)), unit="line"
    )


def encoded(schema=SCHEMA, **cells):
    return encode_inputs(table(ROW | cells), schema)[0].tolist()


def test_every_input_has_a_name():
    """In the order of the inputs."""
    assert input_names(SCHEMA) == (
        "age",
        "bmi",
        "bmi is missing",
        "ward = a",
        "ward = b",
        "drug = x",
        "drug is other",
    )
    assert len(encoded()) == len(input_names(SCHEMA))


def test_a_row_becomes_inputs():
    """Scaled by the bounds; one input a category."""
    assert encoded() == [0.5, 0.5, 0.0, 0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("age", "scaled"), [("10", 0), ("30", 1), ("-5", 0), ("99", 1)]
)
def test_a_number_beyond_the_bounds_is_clipped(age, scaled):
    """The bounds are public, the outlier is not."""
    assert encoded(age=age)[0] == scaled


def test_a_schema_may_ask_for_a_range_around_zero():
    """-1 to 1; flags and categories stay 0 and 1."""
    schema = SCHEMA.model_copy(update={"range": (-1, 1)})

    assert encoded(schema, age="10")[0] == -1
    assert encoded(schema, age="20")[0] == 0
    assert encoded(schema)[2:] == encoded()[2:]


@pytest.mark.parametrize("text", ["?", ""])
def test_a_missing_number_is_a_constant_and_a_flag(text):
    """The constant of the schema, never the mean of the rows."""
    assert encoded(bmi=text)[1:3] == [0.25, 1.0]


@pytest.mark.parametrize("text", ["?", "", "unheard of"])
def test_an_unknown_category_is_zeros_or_other(text):
    """Nothing grows a list by what rows hold."""
    assert encoded(ward=text)[3:5] == [0.0, 0.0]
    assert encoded(drug=text)[5:] == [0.0, 1.0]


ROWS = st.fixed_dictionaries(
    {
        "age": st.integers(-100, 100).map(str),
        "bmi": st.sampled_from(["?", "3", "70", "1000"]),
        "ward": st.sampled_from(["a", "b", "c", "?"]),
        "drug": st.sampled_from(["x", "y", ""]),
        "y": st.sampled_from(["no", "yes"]),
    }
)


@given(ROWS, st.lists(ROWS, max_size=5))
def test_nothing_is_learnt_from_other_rows(row, others):
    """A row's inputs are the same alone and in any company; all are in [0, 1]."""
    alone = encode_inputs(table(row), SCHEMA)
    together = encode_inputs(table(row, *others), SCHEMA)

    np.testing.assert_array_equal(together[:1], alone)
    assert together.dtype == np.float32
    assert together.min() >= 0
    assert together.max() <= 1


def test_labels_are_the_positions_of_the_classes():
    """In the order of the schema, not of the rows."""
    labels = encode_labels(table(ROW, ROW | {"y": "no"}), SCHEMA)

    assert labels.tolist() == [1, 0]


def test_the_column_that_names_the_site_is_no_input():
    """It would tell the student where a row comes from."""
    inputs = encode_inputs(table(ROW), SCHEMA, without="ward")

    assert inputs.shape == (1, 5)
    assert input_names(SCHEMA, without="ward")[3] == "drug = x"
    assert site_names(table(ROW), SCHEMA, "ward") == ["b"]
