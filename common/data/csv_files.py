"""CSV files as a table of texts, plain or gzip, with or without a header line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from common.data.cells import plain_text
from common.data.files import file_fault, read_content
from common.data.schema import Schema
from common.data.table import Table

SUFFIXES = (".csv", ".data", ".tsv", ".txt")


def read_csv(path: Path, schema: Schema) -> Table:
    """Returns the cells of a CSV file.

    Args:
        path: UTF-8, plain or gzip.
        schema: says how the file is written: separator, header, comments.

    Raises:
        DataError: the file cannot be read, or a line has more or fewer fields.
    """
    names, lines, rows = list(schema.header), [], []
    for line, fields in _lines(path, schema):
        if not names:
            names = fields
            continue
        if len(fields) != len(names):
            raise file_fault(
                path, f"has {len(fields)} fields in line {line}, must have {len(names)}"
            )
        lines.append(line)
        rows.append([plain_text(field) for field in fields])
    if len(set(names)) != len(names):
        raise file_fault(path, f"has two columns of one name: {', '.join(names)}")
    if not rows:
        raise file_fault(path, "holds no rows")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return Table(source=str(path), columns=columns, rows=lines, unit="line")


def _lines(path: Path, schema: Schema) -> Iterator[tuple[int, list[str]]]:
    """Yields line number and fields, without comments and empty lines."""
    try:
        text = read_content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise file_fault(path, f"is not UTF-8 text: byte {error.start}") from error
    reader = csv.reader(
        _without_comments(text, schema.comment),
        delimiter=schema.separator,
        skipinitialspace=True,
        strict=True,
    )
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, [field.strip() for field in fields]
    except csv.Error as error:
        raise file_fault(
            path, f"is not CSV in line {reader.line_num}: {error}"
        ) from error


def _without_comments(text: str, comment: str) -> Iterator[str]:
    for line in io.StringIO(text, newline=""):
        # An empty line in its place keeps the numbers of the lines.
        yield "\n" if comment and line.lstrip().startswith(comment) else line
