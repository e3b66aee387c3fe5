"""Flower's commands as child processes: which file, and what they may know of us.

Untrusted code from an app bundle runs below a SuperNode, so a child gets an environment
of its own: nothing of the user's secrets, nothing that sends reports home, and
no variable of Flower's or uvicorn's that could open another door.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from common.environment import QUIET
from common.errors import FedstillError

# What a process needs of the machine; LC_* and LANG for texts, TMPDIR for unpacking.
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "USER", "LOGNAME")
# A SuperExec looks for work this often; Flower's own default is 1.
_POLLING = {"FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.5"}


def flower_command(name: str) -> Path:
    """Returns the path of one of Flower's commands, beside this Python.

    Args:
        name: such as ``flower-superlink``.

    Raises:
        FedstillError: it is not installed.
    """
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise FedstillError(
            f"Flower's command {name} is not beside {sys.executable}. Install Fedstill "
            "into an environment of its own. Nothing was started."
        )
    return path


def flower_environment(
    home: Path, environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Returns the whole environment of a process of Flower's.

    Args:
        home: the folder that becomes ``FLWR_HOME``.
        environment: where this process's own is taken from; None for the real one.
    """
    own = os.environ if environment is None else environment
    passed_on = {name: own[name] for name in _PASSED_ON if name in own}
    # Flower starts its helpers by name.
    folders = [str(Path(sys.executable).parent), passed_on.get("PATH", os.defpath)]
    return (
        passed_on
        | dict(QUIET)
        | _POLLING
        | {"FLWR_HOME": str(home), "PATH": os.pathsep.join(folders)}
    )
