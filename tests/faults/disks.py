"""A small disk of its own for a site's state, where the tests are root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KIB = 1024


@contextmanager
def small_disk(folder: Path, *, kib: int) -> Iterator[None]:
    """Mounts an empty tmpfs at a folder while the context lasts."""
    _run("mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=700", "tmpfs", folder)
    try:
        yield
    finally:
        _run("umount", "--lazy", folder)


def can_mount(folder: Path) -> bool:
    """Returns whether this process may mount disks: root in a container may not."""
    try:
        with small_disk(folder, kib=KIB):
            return True
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False


def make_read_only(folder: Path, *, is_read_only: bool) -> None:
    """Mounts a small disk again, for reading alone or for writing too."""
    _run("mount", "-o", f"remount,{'ro' if is_read_only else 'rw'}", folder)


def fill(folder: Path, *, free_kib: int) -> Path:
    """Fills a disk up to some space; returns the file that does."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(KIB))
        except OSError:
            file.truncate(max(0, file.tell() - free_kib * KIB))
    return filler


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
