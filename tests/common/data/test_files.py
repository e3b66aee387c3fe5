"""Finding data files; damaged ones are in test_bad_input."""

import gzip

import pytest

from common.data.files import find_files, read_content
from common.errors import DataError


def find(text):
    return [
        path.name for path in find_files(str(text), suffixes=(".csv",), key="[data] x")
    ]


@pytest.fixture
def folder(tmp_path):
    """Two tables, one of them gzipped, and a file that is none."""
    (tmp_path / "b.csv").write_bytes(b"1")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"2"))
    (tmp_path / "notes.names").write_bytes(b"3")
    return tmp_path


def test_a_folder_is_its_tables_in_the_order_of_their_names(folder):
    """Gzipped ones too, and no other files."""
    assert find(folder) == ["a.csv.gz", "b.csv"]


def test_a_file_is_itself_whatever_it_is_called(folder):
    """What a user names is meant."""
    assert find(folder / "notes.names") == ["notes.names"]


def test_commas_separate_files(folder):
    """In the order of their names, so that the sites do not depend on typing."""
    assert find(f"{folder}/b.csv, {folder}/a.csv.gz") == ["a.csv.gz", "b.csv"]


def test_a_comma_may_be_part_of_a_name(folder):
    """A file that is there wins over two that are not."""
    (folder / "x,y.csv").write_bytes(b"4")

    assert find(folder / "x,y.csv") == ["x,y.csv"]


@pytest.mark.parametrize("name", ["none.csv", "b.csv,none.csv", "x" * 300, "a\0b"])
def test_a_file_that_is_not_there_is_told_of_by_its_key(folder, name):
    """Also where it can be no file at all."""
    with pytest.raises(DataError, match=r"^\[data\] x = .*no such file") as caught:
        find(folder / name if "," not in name else f"{folder}/b.csv,{folder}/none.csv")

    assert str(caught.value).endswith("Nothing was run.")


def test_gzip_shows_in_the_bytes_and_not_in_the_name(folder):
    """A plain file named .gz, and the other way round."""
    (folder / "plain.gz").write_bytes(b"5")
    (folder / "packed.csv").write_bytes(gzip.compress(b"6"))

    assert read_content(folder / "plain.gz") == b"5"
    assert read_content(folder / "packed.csv") == b"6"
