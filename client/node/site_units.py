"""The site's two systemd units: the node's, and the custodian's.

Two users: the node's runs code that the coordinator ships, the custodian's may read the
data. The node's unit hides policy, data and ledger once more, for the day on which a
file's mode is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from client.node.exit_words import RETRY_SECONDS
from client.node.policy_facts import PolicyFacts
from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder
from common.deployment.systemd_unit import ONLINE, Unit, hiding

NODE_UNIT = "fedstill-node.service"
SITE_UNIT = "fedstill-site.service"
RUNTIME_DIRECTORY = "fedstill"
_RUN = Path("/run") / RUNTIME_DIRECTORY
_CUSTODIAN_RESTART_SECONDS = 5
# More than the node gives to its two processes.
_NODE_STOPS_WITHIN = 30
_CUSTODIAN_STOPS_WITHIN = 600

# The main process is asked alone: it ends its own children, and a SuperNode that is
# asked twice does not take its leave. What is left after that is killed.
_BOTH = (
    "KillMode=mixed",
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "ProtectControlGroups=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictSUIDSGID=yes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteUsers:
    """Users of the operating system, each with a group of the same name.

    Attributes:
        node: whose group may connect to the custodian.
        custodian: who alone reads the data.
    """

    node: str
    custodian: str


def node_unit(
    command: Path,
    folder: BundleFolder,
    bundle: SiteBundle,
    facts: PolicyFacts,
    users: SiteUsers,
) -> Unit:
    """Returns the unit of ``fedstill site node``.

    Args:
        command: absolute path of ``fedstill``.
        folder: the bundle, absolute.
        bundle: for names.
        facts: of the policy, which need not exist yet.
        users: of the operating system.
    """
    needed = [command, folder.root, *([facts.socket] if facts.socket else [])]
    hidden = [path for path in facts.private if not _holds_any(path, needed)]
    return Unit(
        name=NODE_UNIT,
        description=f"Fedstill node of {bundle.site_name} in {bundle.federation}",
        exec_start=(str(command), "site", "node", str(folder.root)),
        user=users.node,
        restart_seconds=RETRY_SECONDS,
        read_write_paths=(str(folder.flower_home),),
        after=(ONLINE, SITE_UNIT),
        options=(
            *_BOTH,
            f"TimeoutStopSec={_NODE_STOPS_WITHIN}",
            # Shipped code sees no process of other users, and no device.
            "ProtectProc=invisible",
            "PrivateDevices=yes",
            *hiding(needed),
            *(f"InaccessiblePaths={_quoted(f'-{path}')}" for path in hidden),
        ),
    )


def site_unit(
    command: Path, bundle: SiteBundle, facts: PolicyFacts, users: SiteUsers
) -> Unit:
    """Returns the unit of ``fedstill site serve``.

    Args:
        command: absolute path of ``fedstill``.
        bundle: for names.
        facts: of the policy, which need not exist yet.
        users: of the operating system.
    """
    written = list(facts.written)
    if facts.socket and not facts.socket.is_relative_to(_RUN):
        written.append(facts.socket.parent.parent)  # the custodian makes the folder
    written = list(dict.fromkeys(written))
    needed = [command, facts.path, *facts.private, *written]
    return Unit(
        name=SITE_UNIT,
        description=f"Fedstill custodian of {bundle.site_name}",
        exec_start=(str(command), "site", "serve", "--policy", str(facts.path)),
        user=users.custodian,
        # Gives the socket to the node's group.
        supplementary_groups=(users.node,),
        restart_seconds=_CUSTODIAN_RESTART_SECONDS,
        runtime_directory=RUNTIME_DIRECTORY,
        # Nothing is in it but the socket's own folder, which is the group's alone.
        runtime_directory_mode="0755",
        read_write_paths=tuple(map(str, written)),
        after=("local-fs.target",),
        options=(
            *_BOTH,
            # A request in flight is finished first.
            f"TimeoutStopSec={_CUSTODIAN_STOPS_WITHIN}",
            *hiding(needed),
        ),
    )


def _holds_any(path: Path, needed: Iterable[Path]) -> bool:
    return any(one.is_relative_to(path) for one in needed)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if escaped != text or " " in text else text
