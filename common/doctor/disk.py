"""Whether a folder can be written for good, and how much room there is."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from common.doctor.access import not_seen, own_name
from common.finding import Finding, fault, ok, warning

LITTLE_BYTES = 10**9
_MEGA = 10**6


def disk_finding(folder: Path, *, user: str) -> Finding:
    """Returns whether a file can be written there and survives a power cut.

    Args:
        folder: of the services.
        user: who has to be able to, for the remedy.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        # That another user may not write there says nothing of the one who has to.
        if isinstance(error, PermissionError) and own_name() != user:
            return not_seen("disk", folder, user=user)
        return fault(
            "disk",
            f"{folder} cannot be written durably: {error.strerror}.",
            f"Make room, or give it to {user}, on a local disk.",
        )
    if free < LITTLE_BYTES:
        return warning(
            "disk",
            f"{folder} has {free // _MEGA} MB left.",
            "Make room: a run stops on a full disk, and can be resumed.",
        )
    return ok("disk", f"{folder} can be written durably.")
