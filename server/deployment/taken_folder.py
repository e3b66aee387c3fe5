"""What is already at the place where a deployment is to be, before anything is written.

A folder is a deployment once ``init`` has begun in it. Its ``federation.toml`` alone
does not make it one: that is what a coordinator's own folder of texts looks like.
"""

from __future__ import annotations

from pathlib import Path

from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError, OutputExistsError
from server.deployment.federation_file import FederationFile, load_federation_file
from server.deployment.server_units import own_command, server_units

_ANOTHER = "Choose another folder with --output. Nothing was written."


def is_deployment(folder: DeploymentFolder) -> bool:
    """Returns whether ``fedstill deploy init`` made a folder, or began to."""
    return folder.federation.is_file() and folder.authority.parent.is_dir()


def check_place(folder: DeploymentFolder, federation: FederationFile) -> None:
    """Checks that a deployment can be made, or is to be completed, in a folder.

    Args:
        folder: of the deployment, absolute; nothing in it is changed.
        federation: whose deployment it is to be.

    Raises:
        ConfigError: its path can be in no unit, or it cannot be looked at.
        OutputExistsError: it is another federation's, or something else.
    """
    _check_path(folder, federation)
    try:
        # Empty folders are what a command that failed at its first file leaves behind.
        is_there = folder.root.exists() and _holds_a_file(folder.root)
    except NotADirectoryError:
        raise OutputExistsError(f"{folder.root} is a file. {_ANOTHER}") from None
    except OSError as error:
        raise unwritable(folder, error) from error
    if not is_there:
        return
    if folder.authority.is_file() and not folder.federation.is_file():
        raise OutputExistsError(
            f"{folder.federation} is missing, and says whose deployment this is: put "
            "the federation's file back there, then run this again. Nothing was "
            "written."
        )
    if not is_deployment(folder):
        raise OutputExistsError(
            f"{folder.root} holds something else than a deployment. {_ANOTHER}"
        )
    found = load_federation_file(folder.federation).name
    if found != federation.name:
        raise OutputExistsError(
            f"{folder.root} is the deployment of the federation {found}, not of "
            f"{federation.name}. {_ANOTHER}"
        )


def unwritable(folder: DeploymentFolder, error: OSError) -> ConfigError:
    """Returns the error for a file or folder of the deployment that defies us."""
    return ConfigError(
        f"{error.filename or folder.root}: {error.strerror}. The folder is not "
        "complete; run this again, with sudo where root has made it."
    )


def _check_path(folder: DeploymentFolder, federation: FederationFile) -> None:
    try:
        for text in server_units(own_command(), folder, federation).values():
            text.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{str(folder.root)!r}: its path must be UTF-8. {_ANOTHER}"
        ) from None
    except ValueError as error:
        raise ConfigError(
            f"No unit can be written: {error}. Choose another folder with --output, or "
            "install Fedstill elsewhere. Nothing was written."
        ) from None


def _holds_a_file(root: Path) -> bool:
    if not root.is_dir():
        raise NotADirectoryError
    return any(not path.is_dir() for path in root.rglob("*"))
