"""The public schema of a table; faulty ones are in test_bad_input."""

import pytest

from common.data.schema import load_schema
from common.errors import DataError
from tests.common.data.table_files import SCHEMA


def load(folder, text=SCHEMA):
    path = folder / "schema.toml"
    path.write_text(text)
    return load_schema(path)


def test_columns_keep_their_order(tmp_path):
    """The order of the inputs is the order of the file."""
    assert list(load(tmp_path).columns) == ["age", "pressure", "ward"]


def test_further_values_stand_for_a_class(tmp_path):
    """And each class name for itself."""
    numbers = load(tmp_path).label.numbers

    assert numbers == {"healthy": 0, "ill": 1, "severe": 1}


def test_numbers_are_as_good_as_texts(tmp_path):
    """Classes, values and categories may be written without quotes."""
    text = (
        '[label]\ncolumn = "y"\nclasses = [0, 1]\nvalues = { 2 = 1, 3 = 1 }\n'
        '[columns]\nx = { kind = "categorical", categories = [1, 2.0] }\n'
    )

    schema = load(tmp_path, text)

    assert schema.label.numbers == {"0": 0, "1": 1, "2": 1, "3": 1}
    assert schema.columns["x"].categories == ("1", "2")


def test_a_missing_value_is_filled_by_the_middle_of_the_bounds(tmp_path):
    """A public constant, unless the schema states another."""
    stated = SCHEMA.replace("missing = true", "missing = true, missing-value = 90")

    assert load(tmp_path).columns["pressure"].filling == 140
    assert load(tmp_path, stated).columns["pressure"].filling == 90


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("high = 90", "high = 18", "[columns.age] high = 18.0: must be > 18 (low)"),
        ("high = 90", "high = 90, missing-value = 3", "needs missing = true"),
        ("missing = true", "missing = true, missing-value = 9", "between low and high"),
        ("low = 18", 'low = "a"', '[columns.age] low = "a": must be a number'),
        ("low = 18, ", "", "[columns.age] low: is missing and has no default"),
        ('["north", "south"]', "[]", "[columns.ward] categories = []: must not be"),
        ('["north", "south"]', "[[1]]", "must be a list of texts or numbers"),
        ('missing = "?"', "range = [0, 2]", "range = [0, 2]: must be [0, 1] or"),
        ('missing = "?"', 'separator = ""', 'separator = "": must not be empty'),
        ('column = "result"', "", "[label] column: is missing"),
        ("[columns]", "[column]", "columns: is missing"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path, old, new, expected):
    """In the words of the config."""
    with pytest.raises(DataError) as caught:
        load(tmp_path, SCHEMA.replace(old, new))

    assert expected in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_every_problem_is_told_at_once(tmp_path):
    """A line each."""
    text = SCHEMA.replace('"numeric", low', '"number", low')

    with pytest.raises(DataError) as caught:
        load(tmp_path, text)

    first, second = str(caught.value).splitlines()
    assert "[columns.age] kind" in first
    assert "[columns.pressure] kind" in second
