"""Data sets in tables."""

import numpy as np
import pytest

from common.config import Config
from common.data.parts import load_parts
from common.data.tables import load_tables
from tests.common.data.table_files import (
    NUM_INPUTS,
    TABLE_HEADER,
    table_rows,
    write_csv,
    write_table,
)


def data(folder, **changes):
    values = write_table(folder) | changes
    return Config(name="x").with_overrides(values).data


def test_a_table_is_a_data_set(tmp_path):
    """Inputs, labels and the number of classes, by the schema."""
    examples = load_tables(data(tmp_path)).examples

    assert examples.input_shape == (NUM_INPUTS,)
    assert (len(examples), examples.num_classes) == (60, 2)
    assert examples.labels[:3].tolist() == [0, 1, 1]


def test_parquet_and_csv_hold_the_same(tmp_path):
    """The kind of file makes no difference."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = dict(zip(TABLE_HEADER, zip(*table_rows(), strict=True), strict=True))
    parquet.write_table(pyarrow.table(columns), tmp_path / "patients.parquet")

    from_csv = load_tables(data(tmp_path)).examples
    path = str(tmp_path / "patients.parquet")
    from_parquet = load_tables(
        data(tmp_path, **{"data.name": "parquet", "data.path": path})
    ).examples

    np.testing.assert_array_equal(from_csv.array, from_parquet.array)
    np.testing.assert_array_equal(from_csv.labels, from_parquet.labels)


def test_each_value_of_a_column_is_a_site(tmp_path):
    """In sorted order; the column is no input."""
    loaded = load_tables(data(tmp_path, **{"data.partition": "by:ward"}))

    assert loaded.sites.names == ("north", "south")
    assert loaded.sites.numbers[:4].tolist() == [0, 1, 0, 1]
    assert loaded.examples.input_shape == (NUM_INPUTS - 3,)


def test_each_file_is_a_site(tmp_path):
    """In the order of their names."""
    folder = tmp_path / "tables"
    folder.mkdir()
    rows = table_rows()
    write_csv(folder / "b.csv", rows[:20])
    write_csv(folder / "a.csv", rows[20:])

    loaded = load_tables(
        data(tmp_path, **{"data.partition": "by:file", "data.path": str(folder)})
    )

    assert loaded.sites.names == ("a.csv", "b.csv")
    assert np.bincount(loaded.sites.numbers).tolist() == [40, 20]


def test_a_test_file_is_the_test_part(tmp_path):
    """All of it, or as many rows as asked; none is held out of the rest."""
    write_csv(tmp_path / "test.csv", table_rows(17))
    values = write_table(tmp_path) | {"data.test-path": str(tmp_path / "test.csv")}
    config = Config(name="x").with_overrides(values)

    everything = load_parts(config.with_overrides({"data.test": 0}))
    some = load_parts(config)

    assert len(everything.test) == 17
    assert len(some.test) == 5
    assert some.transfer.content_id == everything.transfer.content_id
