"""Parquet files as a table of texts.

pyarrow reads them. It comes with the extra ``simulations`` and weighs more than all
else that a site needs, so it is looked for only when somebody has such a file.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.data.cells import plain_text
from common.data.files import file_fault
from common.data.table import Table
from common.errors import DataError

SUFFIXES = (".parquet",)


def read_parquet(path: Path) -> Table:
    """Returns the cells of a Parquet file; rows count from 0.

    Raises:
        DataError: pyarrow is not installed, or it cannot read the file.
    """
    parquet = _pyarrow_parquet()
    try:
        with parquet.ParquetFile(path) as file:
            content = file.read()
    except OSError as error:
        fault = f"cannot be read: {' '.join(str(error).split())}"
        raise file_fault(path, fault) from error
    except ValueError as error:  # what pyarrow's own errors are
        fault = f"is not Parquet: {' '.join(str(error).split()).rstrip('.')}"
        raise file_fault(path, fault) from error
    columns = {name: content.column(name).to_pylist() for name in content.column_names}
    if not content.num_rows:
        raise file_fault(path, "holds no rows")
    return table_of(columns, source=str(path))


def table_of(columns: Mapping[str, Sequence[object]], *, source: str) -> Table:
    """Returns values of any type as a table of texts; rows count from 0."""
    texts = {
        name: tuple(plain_text(value) for value in values)
        for name, values in columns.items()
    }
    num_rows = len(next(iter(texts.values()), ()))
    return Table(source=source, columns=texts, rows=range(num_rows), unit="row")


def _pyarrow_parquet() -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(
            '[data] name = "parquet": pyarrow is not installed, it comes with the '
            "extra: pip install '.[simulations]'; a CSV file needs nothing more. "
            "Nothing was run."
        ) from error
