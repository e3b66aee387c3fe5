"""The files that the coordinator's processes need: there, readable, and by whom."""

from __future__ import annotations

import stat
from pathlib import Path

from common.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def require_readable_file(path: Path) -> None:
    """Checks that a file of the deployment can be read.

    Raises:
        ConfigError: it is not there, or this user cannot read it.
    """
    try:
        with path.open("rb") as file:
            if file.read(1):
                return
        fault = "is empty"
    except OSError as error:
        fault = error.strerror or "cannot be read"
    raise ConfigError(
        f"{path}: {fault}. `fedstill deploy init` makes it, in the folder that "
        "--deployment names, for the user that runs the units. Nothing was started."
    )


def require_private_file(path: Path) -> None:
    """Checks that a secret can be read by this user, and by no other but root.

    Raises:
        ConfigError: it is not there, this user cannot read it, or others can.
    """
    require_readable_file(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        raise ConfigError(
            f"{path}: has mode {mode:04o}, so that other users can reach it; must be "
            f"0600. Nothing was started; `chmod 600 {path}` if nobody has read it, "
            "`fedstill deploy rotate` else."
        )
