"""Tables of private rows: a cell that is not allowed costs its row, not the site.

What a schema makes of a cell is what it makes of it in a simulation: numbers clipped
and scaled to public bounds, an unlisted category zeros (or the input of the others).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from common.data.cells import plain_number
from common.data.schema import Schema
from common.data.schema_columns import NumericColumn
from common.data.table import Table, encode_inputs
from common.data.tables import read_tables

NO_CLASS = -1


def read_leniently(
    text: str, schema: Schema, *, kind: str
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Returns inputs [num_rows, num_inputs] and labels [num_rows] of all rows.

    A row with a number that is none has NaN for its inputs, one with a label that
    is no class :data:`NO_CLASS`.

    Args:
        text: a file, several with commas between them, or a folder.
        schema: the public schema.
        kind: ``csv`` or ``parquet``.

    Raises:
        DataError: a file or a column that is missing, or a damaged file.
    """
    tables = read_tables(text, schema, kind=kind, key="[data] path")
    inputs = [_inputs(table, schema) for table in tables]
    labels = [_labels(table, schema) for table in tables]
    return np.concatenate(inputs), np.concatenate(labels)


def _inputs(table: Table, schema: Schema) -> NDArray[np.float32]:
    columns = dict(table.columns)
    is_bad = np.zeros(len(table), np.bool_)
    for name, column in schema.columns.items():
        if not isinstance(column, NumericColumn):
            continue
        texts = list(table.column(name, asked_by="[columns] of data.schema"))
        for row in _odd_rows(texts, column, schema):
            is_bad[row] = True
            texts[row] = str(column.low)  # any number that passes
        columns[name] = texts
    inputs = encode_inputs(replace(table, columns=columns), schema)
    inputs[is_bad] = np.nan
    return inputs


def _odd_rows(texts: list[str], column: NumericColumn, schema: Schema) -> Iterator[int]:
    """Yields the rows whose cell is no number and may not be missing."""
    for row, text in enumerate(texts):
        is_missing = schema.is_missing(text)
        is_fine = column.missing if is_missing else plain_number(text) is not None
        if not is_fine:
            yield row


def _labels(table: Table, schema: Schema) -> NDArray[np.int64]:
    numbers = schema.label.numbers
    texts = table.column(schema.label.column, asked_by="[label] column of data.schema")
    return np.asarray([numbers.get(text, NO_CLASS) for text in texts], np.int64)
