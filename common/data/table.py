"""A table of texts, and what a public schema makes of it: inputs, labels, sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.config.problems import shown
from common.data.cells import plain_number
from common.data.schema import Schema
from common.data.schema_columns import CategoricalColumn, NumericColumn
from common.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Table:
    """The cells of one file, as plain text.

    Attributes:
        source: where they come from, for messages.
        columns: texts of every column by its name, all of one length.
        rows: the number by which the file's reader finds a row again, in order.
        unit: what that number counts, ``line`` or ``row``.
    """

    source: str
    columns: Mapping[str, Sequence[str]]
    rows: Sequence[int]
    unit: str

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str, *, asked_by: str) -> Sequence[str]:
        """Returns the texts of a column.

        Args:
            name: of the column.
            asked_by: the key that names it, for the message.

        Raises:
            DataError: there is no such column.
        """
        if name not in self.columns:
            raise DataError(
                f"{asked_by} names the column {shown(name)}, {self.source} has only "
                f"{', '.join(self.columns)}. Nothing was run."
            )
        return self.columns[name]

    def fault(self, index: int, column: str, text: str, allowed: str) -> DataError:
        """Returns the error about one cell."""
        return DataError(
            f"{self.source}, {self.unit} {self.rows[index]}, column {column} = "
            f"{shown(text)}: {allowed}. Nothing was run."
        )


def input_names(schema: Schema, *, without: str = "") -> tuple[str, ...]:
    """Returns what each input stands for, such as ``sex = Male``, in order.

    Args:
        schema: the public schema.
        without: a column that is no input, such as the one that names the site.
    """
    names: list[str] = []
    for name, column in _inputs(schema, without).items():
        if isinstance(column, NumericColumn):
            names += [name, f"{name} is missing"][: 1 + column.missing]
        else:
            others = (f"{name} is other",) if column.other else ()
            names += [*(f"{name} = {one}" for one in column.categories), *others]
    return tuple(names)


def encode_inputs(
    table: Table, schema: Schema, *, without: str = ""
) -> NDArray[np.float32]:
    """Returns the rows as inputs, float32 [num_rows, num_inputs].

    Args:
        table: the cells.
        schema: the public schema; the result depends on a row and on it alone.
        without: a column that is no input.

    Raises:
        DataError: a column that is not there, or a cell that is not allowed.
    """
    blocks = []
    for name, column in _inputs(schema, without).items():
        texts = table.column(name, asked_by=f"[columns] of {_OF_SCHEMA}")
        if isinstance(column, NumericColumn):
            blocks.append(_numeric(table, name, texts, column, schema))
        else:
            blocks.append(_categorical(texts, column))
    return np.concatenate(blocks, axis=1)


def encode_labels(table: Table, schema: Schema) -> NDArray[np.int64]:
    """Returns the class number of every row, int64 [num_rows].

    Raises:
        DataError: a column that is not there, or a text that stands for no class.
    """
    name, numbers = schema.label.column, schema.label.numbers
    texts = table.column(name, asked_by=f"[label] column of {_OF_SCHEMA}")
    allowed = f"must be one of {', '.join(numbers)}"
    return _encoded(table, name, texts, allowed, read=numbers.get)


def site_names(table: Table, schema: Schema, column: str) -> Sequence[str]:
    """Returns the text that names the site of every row.

    Raises:
        DataError: a column that is not there, or a row without a site.
    """
    key = f'[data] partition = "by:{column}"'
    texts = table.column(column, asked_by=key)
    for index, text in enumerate(texts):
        if schema.is_missing(text):
            raise table.fault(index, column, text, f"must name a site ({key})")
    return texts


_OF_SCHEMA = "data.schema"


def _inputs(
    schema: Schema, without: str
) -> dict[str, NumericColumn | CategoricalColumn]:
    return {name: one for name, one in schema.columns.items() if name != without}


def _encoded(
    table: Table,
    column: str,
    texts: Sequence[str],
    allowed: str,
    *,
    read: Callable[[str], int | None],
) -> NDArray[np.int64]:
    result = np.empty(len(texts), np.int64)
    for index, text in enumerate(texts):
        value = read(text)
        if value is None:
            raise table.fault(index, column, text, allowed)
        result[index] = value
    return result


def _numeric(
    table: Table,
    name: str,
    texts: Sequence[str],
    column: NumericColumn,
    schema: Schema,
) -> NDArray[np.float32]:
    """Returns [num_rows, 1], or 2 where values may be missing."""
    values = np.empty(len(texts), np.float64)
    is_missing = np.zeros(len(texts), np.bool_)
    for index, text in enumerate(texts):
        if schema.is_missing(text):
            if not column.missing:
                allowed = "must be a number, the schema has no missing = true here"
                raise table.fault(index, name, text, allowed)
            is_missing[index] = True
            values[index] = column.filling
            continue
        number = plain_number(text)
        if number is None:
            allowed = f"must be a number, {column.low:g} to {column.high:g} or clipped"
            raise table.fault(index, name, text, allowed)
        values[index] = number
    low, high = schema.range
    share = (values.clip(column.low, column.high) - column.low) / (
        column.high - column.low
    )
    scaled = low + (high - low) * share
    inputs = [scaled, is_missing] if column.missing else [scaled]
    return np.stack(inputs, axis=1).astype(np.float32)


def _categorical(
    texts: Sequence[str], column: CategoricalColumn
) -> NDArray[np.float32]:
    """Returns [num_rows, num_categories], or one more where others have an input."""
    positions = {name: number for number, name in enumerate(column.categories)}
    other = len(positions)
    chosen = np.asarray([positions.get(text, other) for text in texts], np.int64)
    # The last column is that of the others; without one they have zeros only.
    one_hot = np.eye(other + 1, dtype=np.float32)[chosen]
    return one_hot if column.other else one_hot[:, :-1]
