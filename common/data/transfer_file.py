"""A transfer set in a file of its own, and what it can be made from.

The content id is that of the inputs, so the same examples have the same id in either
format: ``.npz``, or ``.safetensors`` for readers in other languages.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from common.atomic_file import write_atomically
from common.data.files import file_fault, read_content
from common.data.idx import IMAGE_AXES, read_idx
from common.data.npz import INPUTS, as_inputs, check_numbers, read_arrays
from common.data.parquet_files import SUFFIXES as PARQUET_SUFFIXES
from common.data.schema import Schema
from common.data.table import encode_inputs
from common.data.tables import read_tables
from common.errors import DataError
from common.transfer_set import SCHEMA, TransferSet

NPZ, SAFETENSORS = ".npz", ".safetensors"
ARRAY_SUFFIXES = (NPZ, ".npy")
IDX_MARK = "-idx3-ubyte"


def write_transfer_set(path: Path, transfer_set: TransferSet) -> None:
    """Writes a transfer set; the same one gives the same bytes.

    Args:
        path: ends in ``.npz`` or ``.safetensors``; its folder must exist.
        transfer_set: what is written.

    Raises:
        DataError: another ending.
    """
    if path.suffix == SAFETENSORS:
        content = save({INPUTS: transfer_set.inputs}, metadata={"schema": SCHEMA})
    elif path.suffix == NPZ:
        buffer = io.BytesIO()
        np.savez(buffer, inputs=transfer_set.inputs)
        content = buffer.getvalue()
    else:
        raise DataError(
            f"Transfer set {path} must end in {NPZ} or {SAFETENSORS}. Nothing was "
            "written."
        )
    write_atomically(path, content)


def read_transfer_set(path: Path) -> TransferSet:
    """Returns the transfer set in a file.

    Args:
        path: what :func:`write_transfer_set` wrote, or any ``.npz`` with the array
            ``inputs``.

    Raises:
        DataError: the file cannot be read, or holds no inputs.
    """
    return TransferSet(inputs=_array(path))


def build_transfer_set(path: str, *, schema: Schema | None = None) -> TransferSet:
    """Returns a transfer set made from data in any format that Fedstill reads.

    Labels are left out.

    Args:
        path: ``.npz``, ``.npy``, ``.safetensors``, images in IDX, or a table.
        schema: of a table.

    Raises:
        DataError: the file cannot be read, or a table has no schema.
    """
    file = Path(path)
    if IDX_MARK in file.name:
        return TransferSet(inputs=as_inputs(read_idx(file, axes=IMAGE_AXES)))
    if file.suffix in (*ARRAY_SUFFIXES, SAFETENSORS):
        return read_transfer_set(file)
    is_parquet = file.name.endswith(PARQUET_SUFFIXES)
    if schema is None:
        endings = ", ".join((*ARRAY_SUFFIXES, SAFETENSORS))
        raise file_fault(
            file,
            f"must end in {endings} or hold images in IDX ({IDX_MARK}); a table needs "
            "--schema",
        )
    kind = "parquet" if is_parquet else "csv"
    tables = read_tables(path, schema, kind=kind, key="INPUT")
    inputs = [encode_inputs(table, schema) for table in tables]
    return TransferSet(inputs=np.concatenate(inputs))


def _array(path: Path) -> NDArray[np.float32]:
    if path.suffix == SAFETENSORS:
        try:
            arrays = load(read_content(path))
        except (SafetensorError, KeyError, ValueError) as error:
            raise file_fault(path, "is not a safetensors file") from error
    else:
        arrays = read_arrays(path)
    if INPUTS not in arrays:
        held = ", ".join(arrays) or "nothing"
        raise file_fault(path, f"must hold {INPUTS}, it holds {held}")
    check_numbers(arrays[INPUTS], source=f"{path}, {INPUTS}")
    return as_inputs(arrays[INPUTS])
