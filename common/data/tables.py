"""Data sets in tables: CSV and Parquet files with a public schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.config.data_sections import BY, BY_FILE, Data
from common.data import csv_files, parquet_files
from common.data.data_set import DataSet, NaturalSites
from common.data.files import find_files
from common.data.npz import ArrayExamples
from common.data.schema import Schema, load_schema
from common.data.table import Table, encode_inputs, encode_labels, site_names


def load_tables(data: Data) -> DataSet:
    """Returns the data set in one or more files of a kind.

    Raises:
        DataError: a file or the schema is missing, damaged or does not fit.
    """
    schema = load_schema(Path(data.schema_path))
    tables = read_tables(data.path, schema, kind=data.name, key="[data] path")
    test = None
    if data.test_path:
        key = "[data] test-path"
        test = read_tables(data.test_path, schema, kind=data.name, key=key)
    return data_set_of(tables, data=data, schema=schema, test=test)


def data_set_of(
    tables: Sequence[Table],
    *,
    data: Data,
    schema: Schema,
    test: Sequence[Table] | None,
) -> DataSet:
    """Returns tables as a data set.

    Args:
        tables: one a file.
        data: for the partition, which may ask for natural sites.
        schema: the public schema.
        test: tables of the test part, where it has files of its own.

    Raises:
        DataError: a table that does not fit the schema or the partition.
    """
    return DataSet(
        examples=_examples(tables, schema, data.site_column),
        test=None if test is None else _examples(test, schema, data.site_column),
        sites=_sites(tables, schema, data),
    )


def read_tables(text: str, schema: Schema, *, kind: str, key: str) -> tuple[Table, ...]:
    """Returns the tables in the files that a user means, in order of their names.

    Args:
        text: a file, several with commas between them, or a folder.
        schema: says how CSV files are written.
        kind: ``csv`` or ``parquet``.
        key: of the config, for messages.

    Raises:
        DataError: a file that is missing or damaged.
    """
    if kind == "parquet":
        files = find_files(text, suffixes=parquet_files.SUFFIXES, key=key)
        return tuple(parquet_files.read_parquet(file) for file in files)
    files = find_files(text, suffixes=csv_files.SUFFIXES, key=key)
    return tuple(csv_files.read_csv(file, schema) for file in files)


def _examples(tables: Sequence[Table], schema: Schema, without: str) -> ArrayExamples:
    inputs = [encode_inputs(table, schema, without=without) for table in tables]
    labels = [encode_labels(table, schema) for table in tables]
    return ArrayExamples(
        array=np.concatenate(inputs),
        labels=np.concatenate(labels),
        num_classes=len(schema.label.classes),
        source=", ".join(table.source for table in tables),
    )


def _sites(tables: Sequence[Table], schema: Schema, data: Data) -> NaturalSites | None:
    if not data.partition.startswith(BY):
        return None
    texts: list[str] = []
    for table in tables:
        if data.partition == BY_FILE:
            texts += [_file_name(table, tables)] * len(table)
        else:
            texts += site_names(table, schema, data.site_column)
    return NaturalSites.of(texts)


def _file_name(table: Table, tables: Sequence[Table]) -> str:
    """Returns the file's bare name, or its path where two files share a name."""
    names = [Path(one.source).name for one in tables]
    name = Path(table.source).name
    return table.source if names.count(name) > 1 else name
