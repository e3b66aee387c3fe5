"""Parquet files as tables of texts."""

import importlib

import pytest

from common.data.parquet_files import read_parquet
from common.errors import DataError


@pytest.fixture
def write(tmp_path):
    """Returns a function that writes columns into a Parquet file."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def written(columns):
        path = tmp_path / "table.parquet"
        parquet.write_table(pyarrow.table(columns), path)
        return path

    return written


def test_values_become_the_texts_of_a_csv_file(write):
    """Numbers, truths and missing values."""
    path = write(
        {"a": [1, 2], "b": [1.0, None], "c": [2.5, float("nan")], "d": [True, False]}
    )

    table = read_parquet(path)

    assert table.columns == {
        "a": ("1", "2"),
        "b": ("1", ""),
        "c": ("2.5", ""),
        "d": ("true", "false"),
    }
    assert (table.unit, list(table.rows)) == ("row", [0, 1])


def test_a_file_without_rows_is_told_of(write):
    """Nothing could be learnt from it."""
    with pytest.raises(DataError, match="holds no rows"):
        read_parquet(write({"a": []}))


def test_without_pyarrow_one_line_says_what_to_do(write, monkeypatch):
    """A site has no extra: a CSV file needs none."""
    path = write({"a": [1]})

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)

    with pytest.raises(DataError) as caught:
        read_parquet(path)

    assert "pyarrow is not installed" in str(caught.value)
    assert "pip install '.[simulations]'" in str(caught.value)
