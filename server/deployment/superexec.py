"""``fedstill deploy superexec``: Flower's SuperExec, which starts the ServerApps."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from common.deployment.flower_process import flower_command, flower_environment
from common.deployment.layout import DeploymentFolder
from server.deployment.flower_cli import FlowerCli
from server.deployment.private_files import require_private_file, require_readable_file

_OWNER_ONLY = 0o077


def run_superexec(deployment: Path) -> NoReturn:
    """Replaces this process by Flower's SuperExec.

    Args:
        deployment: the folder that ``fedstill deploy init`` made.

    Raises:
        ConfigError: the folder lacks a file, or others can read its secret.
    """
    folder = DeploymentFolder(deployment.resolve())
    words = superexec_words(folder)
    print(  # noqa: T201  # for the unit's log
        f"Starting Flower's SuperExec for the SuperLink at {FlowerCli(folder).address}",
        file=sys.stderr,
        flush=True,
    )
    os.umask(_OWNER_ONLY)
    # The ServerApps below inherit the environment.
    os.execve(words[0], words, flower_environment(folder.flower_home))  # noqa: S606


def superexec_words(folder: DeploymentFolder) -> list[str]:
    """Returns the command; the SuperLink is on this machine.

    Raises:
        ConfigError: the folder lacks a file, or others can read its secret.
    """
    address = FlowerCli(folder).address
    require_readable_file(folder.authority)
    require_private_file(folder.superexec_secret)
    return [
        str(flower_command("flower-superexec")),
        *("--runtime-api-address", address),
        *("--root-certificates", str(folder.authority)),
        *("--superexec-auth-secret-file", str(folder.superexec_secret)),
    ]
