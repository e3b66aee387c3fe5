"""Transfer sets in a folder: whole ones, and those that are being delivered.

Both are safetensors files of one array. A spool starts with the header of the whole
file, and rows are appended as they come: its length says how many are there, and a
delivery goes on where it was after any crash. Once its content id holds, one rename
makes it a set.
"""

from __future__ import annotations

import json
import logging
import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from client.refusal import RequestRefusedError
from common.atomic_file import sync_folder
from common.failpoints import failpoint
from common.messages import RefusalReason
from common.transfer_messages import TransferChunk
from common.transfer_set import TransferSet

_SET, _SPOOL = ".safetensors", ".spool"
_FLOAT_BYTES = 4
_ALIGNMENT = 8  # safetensors: of the header
_LOG = logging.getLogger(__name__)


class TransferSpools:
    """The files of a shelf; content ids are known to be hexadecimal here.

    Args:
        folder: made if it is not there.
        most_bytes: of all files together, each at its full length.
    """

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, content_id: str) -> TransferSet | None:
        """Returns a whole set, or None; a damaged file is dropped, to come again."""
        path = self._path(content_id, _SET)
        if not path.exists():
            return None
        found = _read(path)
        if found is not None and found.content_id == content_id:
            return found
        _LOG.warning("%s is damaged. It is dropped, to be delivered again.", path)
        path.unlink()
        return None

    def append(self, chunk: TransferChunk) -> int:
        """Takes the rows that are not there yet; returns the row that comes next.

        A first chunk of another shape begins anew: what is in a spool was never
        checked, so it may not stand in the way of the true set.

        Raises:
            RequestRefusedError: MALFORMED_REQUEST or TRANSFER_SET_MISMATCH, as
                :meth:`client.storage.transfer_shelf.TransferShelf.receive` says.
        """
        if not np.isfinite(chunk.inputs).all():
            raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST)
        spool = self._path(chunk.transfer_set_id, _SPOOL)
        header = _header((chunk.num_rows, *chunk.inputs.shape[1:]))
        if not _starts_with(spool, header):
            if chunk.first_row != 0:
                raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST)
            self._begin(spool, header, chunk)
        row_bytes = chunk.inputs[0].nbytes
        rows_there = (spool.stat().st_size - len(header)) // row_bytes
        if chunk.first_row > rows_there:
            raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST)
        content = _bytes(chunk.inputs)
        overlap = min(chunk.end, rows_there) - chunk.first_row
        position = len(header) + chunk.first_row * row_bytes
        with spool.open("r+b") as file:
            file.seek(position)
            if file.read(overlap * row_bytes) != content[: overlap * row_bytes]:
                spool.unlink()
                raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
            # A crash may have left a part of a row behind; it is written over.
            file.write(content[overlap * row_bytes :])
            file.flush()
            failpoint("transfer.mid-spool")
            os.fsync(file.fileno())
        return int(max(rows_there, chunk.end))

    def finish(self, content_id: str) -> None:
        """Makes a whole spool a set.

        Raises:
            RequestRefusedError: TRANSFER_SET_MISMATCH if it is not the set of this
                content id; the spool is gone.
        """
        spool = self._path(content_id, _SPOOL)
        found = _read(spool)
        if found is None or found.content_id != content_id:
            spool.unlink()
            raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
        failpoint("transfer.before-rename")
        spool.replace(self._path(content_id, _SET))
        failpoint("transfer.after-rename")
        sync_folder(self._folder)

    def _begin(self, spool: Path, header: bytes, chunk: TransferChunk) -> None:
        """Starts a spool; unfinished ones make room for it if they must."""
        size = len(header) + chunk.num_rows * chunk.inputs[0].nbytes
        spool.unlink(missing_ok=True)
        if self._used() + size > self._most_bytes:
            for other in self._folder.glob(f"*{_SPOOL}"):
                other.unlink()
        if self._used() + size > self._most_bytes:
            _LOG.warning(
                "Transfer set %s needs %d bytes; all sets in %s may have %d together. "
                "It is refused.",
                chunk.transfer_set_id,
                size,
                self._folder,
                self._most_bytes,
            )
            raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
        spool.write_bytes(header)

    def _used(self) -> int:
        return sum(_full_size(path) for path in self._folder.iterdir())

    def _path(self, content_id: str, suffix: str) -> Path:
        return self._folder / f"{content_id}{suffix}"


def _header(shape: tuple[int, ...]) -> bytes:
    """Returns how a safetensors file of one array ``inputs`` begins."""
    size = math.prod(shape) * _FLOAT_BYTES
    layout = {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]}
    text = json.dumps({"inputs": layout}).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _starts_with(path: Path, header: bytes) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(header)) == header


def _full_size(path: Path) -> int:
    """Returns the size of a file once all its rows are there."""
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        try:
            layout = json.loads(file.read(min(length, 10_000)))["inputs"]
            return len(start) + length + int(layout["data_offsets"][1])
        except (ValueError, KeyError, TypeError, IndexError):
            return path.stat().st_size


def _read(path: Path) -> TransferSet | None:
    try:
        return TransferSet(inputs=load_file(path)["inputs"])
    except (SafetensorError, OSError, KeyError, ValueError):
        return None


def _bytes(inputs: NDArray[np.float32]) -> bytes:
    return inputs.astype("<f4", copy=False).tobytes(order="C")
