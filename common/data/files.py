"""Data files: finding them, and reading their bytes, plain or gzip."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from common.config.paths import split_paths
from common.errors import DataError

_GZIP = ".gz"
_GZIP_MAGIC = b"\x1f\x8b"


def read_content(path: Path) -> bytes:
    """Returns the bytes of a file, decompressed where they are gzip.

    Args:
        path: plain or gzip; what it is shows in its first bytes, not in its name.

    Raises:
        DataError: the file cannot be read, or is damaged gzip.
    """
    try:
        content = path.read_bytes()
        is_gzip = content[:2] == _GZIP_MAGIC
        return gzip.decompress(content) if is_gzip else content
    except EOFError:
        fault = "is truncated: its gzip stream has no end"
    except (gzip.BadGzipFile, zlib.error) as error:
        fault = f"is damaged gzip: {error}"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except ValueError:  # a null byte in the name
        fault = "cannot be read: this is no name of a file"
    raise file_fault(path, fault)


def file_fault(path: Path, fault: str) -> DataError:
    """Returns the error that says what is wrong with a data file."""
    return DataError(f"Data file {path} {fault}. Nothing was run.")


def is_folder(path: Path) -> bool:
    """Returns whether there is such a folder; False for what can be no path."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long a name, a parent that may not be entered
        return False


def find_files(text: str, *, suffixes: tuple[str, ...], key: str) -> tuple[Path, ...]:
    """Returns the files that a user means, in the order of their names.

    Args:
        text: a file, several with commas between them, or a folder.
        suffixes: of the files that are taken from a folder; ``.gz`` may follow.
        key: of the config, for messages, such as ``[data] path``.

    Raises:
        DataError: a file that is not there, or a folder without one that fits.
    """
    try:
        paths = split_paths(text)
    except (OSError, RuntimeError, ValueError):
        paths = (Path(text),)
    files = [file for path in paths for file in _below(path, suffixes, key=key)]
    return tuple(sorted(files, key=lambda file: (file.name, str(file))))


def _below(path: Path, suffixes: tuple[str, ...], *, key: str) -> tuple[Path, ...]:
    if not is_folder(path):
        if not _exists(path):
            raise DataError(
                f'{key} = "{path}": there is no such file or folder. Nothing was run.'
            )
        return (path,)
    endings = (*suffixes, *(suffix + _GZIP for suffix in suffixes))
    files = tuple(file for file in path.iterdir() if file.name.endswith(endings))
    if not files:
        raise DataError(
            f'{key} = "{path}": the folder holds no file that ends in '
            f"{', '.join(suffixes)} (or these with {_GZIP}). Nothing was run."
        )
    return files


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
