"""The coordinator's two systemd units: the SuperLink's and the SuperExec's."""

from __future__ import annotations

import sys
from pathlib import Path

from common.deployment.layout import DeploymentFolder
from common.deployment.systemd_unit import ONLINE, Unit, hiding
from server.deployment.federation_file import FederationFile

SUPERLINK_UNIT = "fedstill-superlink.service"
SUPEREXEC_UNIT = "fedstill-superexec.service"
RESTART_SECONDS = 5
# With an idle TLS connection a SuperLink takes 30 seconds to end by itself; nothing is
# lost when it is killed. A ServerApp finishes its round's file.
_STOPS_WITHIN = {SUPERLINK_UNIT: 15, SUPEREXEC_UNIT: 30}
# A whole unit is ended, so that no ServerApp outlives the SuperExec that started it:
# the next SuperExec would start a second one.
_OPTIONS = (
    "KillMode=control-group",
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "PrivateDevices=yes",
    "ProtectControlGroups=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictSUIDSGID=yes",
)


def own_command() -> Path:
    """Returns the absolute path of ``fedstill`` in this environment."""
    # Not resolved: a virtual environment's python is a link to another place.
    return Path(sys.executable).parent / "fedstill"


def server_units(
    command: Path, folder: DeploymentFolder, federation: FederationFile
) -> dict[str, str]:
    """Returns the text of each unit by its name.

    Args:
        command: absolute path of ``fedstill``.
        folder: absolute.
        federation: for names, and the user.
    """
    units = (
        _unit(SUPERLINK_UNIT, "superlink", command, folder, federation),
        _unit(SUPEREXEC_UNIT, "superexec", command, folder, federation),
    )
    return {unit.name: unit.text() for unit in units}


def written_folders(folder: DeploymentFolder) -> tuple[Path, ...]:
    """Returns the folders that the services write into."""
    return (folder.database.parent, folder.runs, folder.flower_home)


def _unit(
    name: str,
    service: str,
    command: Path,
    folder: DeploymentFolder,
    federation: FederationFile,
) -> Unit:
    is_superexec = name == SUPEREXEC_UNIT
    # Below the SuperExec runs the ServerApp, which reads the public data that a config
    # names, also from somebody's home.
    needed = (command, folder.root, *((Path("/home"),) if is_superexec else ()))
    return Unit(
        name=name,
        description=f"Fedstill {service} of {federation.name}",
        exec_start=(
            str(command),
            "deploy",
            service,
            "--deployment",
            str(folder.root),
        ),
        user=federation.server.user,
        restart_seconds=RESTART_SECONDS,
        read_write_paths=tuple(map(str, written_folders(folder))),
        # The SuperExec waits for the SuperLink by itself: no Requires=, which would
        # end it, and a ServerApp with it, whenever the SuperLink starts anew.
        after=(ONLINE, *((SUPERLINK_UNIT,) if is_superexec else ())),
        options=(
            *_OPTIONS,
            f"TimeoutStopSec={_STOPS_WITHIN[name]}",
            *hiding(needed),
        ),
    )
