"""The data sets that a config may name, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.config.data_sections import Data
from common.data.data_set import DataSet
from common.data.digits import load_digits
from common.data.idx import load_idx
from common.data.npz import load_npz
from common.data.tables import load_tables
from common.errors import DataError

Loader = Callable[[Data], DataSet]


def _digits(data: Data) -> DataSet:
    del data
    return DataSet(examples=load_digits())


def _idx(data: Data) -> DataSet:
    train, test = load_idx(Path(data.path))
    return DataSet(examples=train, test=test)


# What needs the simulations extra is added by the simulations: a site has no extra.
LOADERS: dict[str, Loader] = {
    "digits": _digits,
    "idx": _idx,
    "npz": load_npz,
    "csv": load_tables,
    "parquet": load_tables,
}


def load_data_set(data: Data) -> DataSet:
    """Returns the data set that a config names.

    Raises:
        DataError: its files are missing, damaged or do not fit.
    """
    if data.name not in LOADERS:
        raise DataError(
            f'[data] name = "{data.name}": only simulations in one process read it, '
            f"here must be one of {', '.join(LOADERS)}. Nothing was run."
        )
    return LOADERS[data.name](data)
