"""CSV files as tables of texts; damaged ones are in test_bad_input."""

import gzip

import pytest

from common.data.csv_files import read_csv
from common.data.schema import Schema
from common.errors import DataError

COLUMNS = {"a": {"kind": "categorical", "categories": ["x"]}}
LABEL = {"column": "y", "classes": [0, 1]}


def read(folder, text, **schema):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    values = {"label": LABEL, "columns": COLUMNS} | schema
    return read_csv(path, Schema.model_validate(values))


def test_the_first_line_names_the_columns(tmp_path):
    """Spaces around the fields are nothing; 1.0 is 1."""
    table = read(tmp_path, "a, y\nx , 1.0\ny,0\n")

    assert table.columns == {"a": ("x", "y"), "y": ("1", "0")}
    assert list(table.rows) == [2, 3]


def test_a_schema_may_name_the_columns(tmp_path):
    """Then the first line is data."""
    table = read(tmp_path, "x,1\n", header=["a", "y"])

    assert table.columns == {"a": ("x",), "y": ("1",)}


def test_comments_and_empty_lines_are_left_out_and_counted(tmp_path):
    """The number of a line is that of a text editor."""
    table = read(tmp_path, "# it's \"open\na,y\n\n  # two\nx,1\n", comment="#")

    assert table.columns["a"] == ("x",)
    assert list(table.rows) == [5]


def test_another_separator_and_quotes(tmp_path):
    """A quoted field may hold the separator."""
    table = read(tmp_path, 'a;y\n"x;z";1\n', separator=";")

    assert table.columns["a"] == ("x;z",)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_gzip_and_a_mark_of_the_byte_order_change_nothing(tmp_path, pack):
    """Spreadsheets write such a mark."""
    table = read(tmp_path, pack("a,y\nx,1\n".encode("utf-8-sig")))

    assert list(table.columns) == ["a", "y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,y\nx\n", "has 1 fields in line 2, must have 2"),
        ("a,a\nx,1\n", "has two columns of one name"),
        ("a,y\n", "holds no rows"),
        ("", "holds no rows"),
        (b"a,y\n\xff,1\n", "is not UTF-8 text: byte 4"),
        ('a,y\n"x,1\n', "is not CSV in line 2"),
    ],
)
def test_a_damaged_file_is_told_of_by_its_line(tmp_path, text, message):
    """One line of text, which names the file."""
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)

    assert message in str(caught.value)
    assert "table.csv" in str(caught.value)
