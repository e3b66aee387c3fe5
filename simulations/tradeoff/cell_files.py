"""One file a finished cell: what makes a killed sweep go on where it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from common.atomic_file import write_atomically
from common.errors import DataError
from simulations.tradeoff.cells import Row

_ADAPTER = TypeAdapter(Row)


@dataclass(frozen=True, slots=True)
class CellFiles:
    """The finished cells in a folder.

    Attributes:
        folder: it need not exist.
    """

    folder: Path

    def path(self, key: str) -> Path:
        """Returns the file of the cell with this key."""
        return self.folder / f"{key}.json"

    def read(self, key: str) -> Row | None:
        """Returns a finished cell; None if there is none.

        Raises:
            DataError: the file is damaged.
        """
        path = self.path(key)
        if not path.exists():
            return None
        try:
            return row_from_json(path.read_bytes())
        except ValidationError as error:
            raise DataError(
                f"{path} is not what a sweep writes. Remove it to run its cell again. "
                "Nothing was run."
            ) from error

    def write(self, key: str, row: Row) -> None:
        """Keeps a cell that has a result; the file is whole or not there at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path(key), row_to_json(row) + b"\n")


def row_to_json(row: Row) -> bytes:
    """Returns a row on one line; an infinite epsilon is null."""
    return _ADAPTER.dump_json(row)


def row_from_json(content: bytes) -> Row:
    """Reads what :func:`row_to_json` wrote.

    Raises:
        ValidationError: it is something else.
    """
    return _ADAPTER.validate_json(content)
