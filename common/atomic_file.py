"""Files that are either the old one or the new one, never half of one.

Temporary file, fsync, rename, fsync of the folder (the pattern of NVIDIA FLARE 2.8).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(
    path: Path, content: bytes, *, before_rename: Callable[[], None] = lambda: None
) -> None:
    """Replaces ``path`` by ``content``; a reader or a crash sees old or new, whole.

    Args:
        path: file to write; its folder must exist.
        content: the whole new content.
        before_rename: called once the new content is on disk but not yet visible.
    """
    # One writer a file: what a killed one left behind, the next one overwrites.
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        before_rename()
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk does not say whose file it was
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes new and renamed names in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
