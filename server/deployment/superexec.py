"""``fedstill deploy superexec``: Flower's SuperExec, which starts the ServerApps."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import NoReturn

from common.deployment.flower_process import flower_command, flower_environment
from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError
from server.deployment.flower_cli import FlowerCli
from server.deployment.private_files import require_private_file, require_readable_file

_OWNER_ONLY = 0o077


def run_superexec(deployment: Path) -> NoReturn:
    """Replaces this process by Flower's SuperExec.

    Args:
        deployment: the folder that ``fedstill deploy init`` made.

    Raises:
        ConfigError: the folder lacks a file, others can read its secret, or another
            process runs the SuperExec.
    """
    folder = DeploymentFolder(deployment.resolve())
    words = superexec_words(folder)
    os.umask(_OWNER_ONLY)
    _hold_lock(folder)
    print(  # noqa: T201  # for the unit's log
        f"Starting Flower's SuperExec for the SuperLink at {FlowerCli(folder).address}",
        file=sys.stderr,
        flush=True,
    )
    # The ServerApps below inherit the environment.
    os.execve(words[0], words, flower_environment(folder.flower_home))  # noqa: S606


def is_running(folder: DeploymentFolder) -> bool:
    """Returns whether a SuperExec of the deployment runs on this machine.

    Raises:
        PermissionError: this user may not look.
    """
    try:
        with _lock_path(folder).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _lock_path(folder: DeploymentFolder) -> Path:
    return folder.database.with_name("superexec.lock")


def _hold_lock(folder: DeploymentFolder) -> None:
    """Takes a lock that Flower's process inherits; the kernel lets it go at its end."""
    path = _lock_path(folder)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"Another process runs the SuperExec of {folder.root}. Nothing was started."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; run this as the services' user. Nothing was "
            "started."
        ) from error
    os.set_inheritable(descriptor, True)  # noqa: FBT003


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
