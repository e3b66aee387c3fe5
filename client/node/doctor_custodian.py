"""The custodian's door in ``fedstill doctor``: may the node pass, does anybody answer.

Asked is only whether it is well; no request of a run is made.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from client.custodian.endpoint import Endpoint
from client.custodian.reach import AbsentError, wait_until_there
from client.node.node_config import NodeConfig, node_config_path
from common.deployment.layout import BundleFolder
from common.doctor.access import not_seen, owner_name
from common.doctor.error_line import one_line
from common.errors import ConfigError
from common.finding import Finding, fault, ok

_SUBJECT = "custodian"
_LISTENS_WITHIN = 1.0
_ANSWERS_WITHIN = 5.0
_LOG = "systemctl status fedstill-site; its log says why it does not serve."


def custodian_findings(folder: BundleFolder) -> Iterator[Finding]:
    """Yields whether the node's user reaches a custodian that is well.

    Args:
        folder: the bundle, which says where the custodian is.
    """
    remedy = f"fedstill site join {folder.root} --policy FILE writes it."
    try:
        config = NodeConfig.read(node_config_path(folder))
        if not config.custodian:
            path = node_config_path(folder)
            raise ConfigError(f"{path}: custodian is empty.")
        endpoint = Endpoint.parse(
            config.custodian,
            certificate=config.custodian_certificate,
            key=config.custodian_key,
            authority=config.custodian_ca,
        )
    except ConfigError as error:
        yield fault(_SUBJECT, one_line(error), remedy)
        return
    closed = None
    if endpoint.socket is not None:
        closed = _closed_to(endpoint.socket, _owner_of(folder.key))
    yield closed or _answer(endpoint, config.custodian, owner_name(folder.key))


def _answer(endpoint: Endpoint, where: str, node: str | None) -> Finding:
    # Imported here: gRPC takes a while.
    from client.custodian.health_question import Health, ask_health  # noqa: PLC0415

    try:
        wait_until_there(endpoint, _LISTENS_WITHIN)
        said = ask_health(endpoint, _ANSWERS_WITHIN)
    except AbsentError as error:
        if isinstance(error.__cause__, PermissionError):
            return not_seen(_SUBJECT, Path(where), user=node or "the node's user")
        return fault(_SUBJECT, f"Nobody answers at {where}: {error}.", _LOG)
    except ConfigError as error:
        return fault(_SUBJECT, one_line(error), "Mend custodian-... in node.toml.")
    if said is Health.WELL:
        return ok(_SUBJECT, f"It answers at {where}.")
    if said is Health.LEDGER_AWAY:
        return fault(
            _SUBJECT,
            f"It answers at {where}, and says that its ledger cannot be used.",
            "fedstill doctor BUNDLE --policy FILE, as the custodian's user, says why.",
        )
    return fault(
        _SUBJECT, f"Somebody listens at {where}, and does not answer as it does.", _LOG
    )


def _owner_of(path: Path) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(path.stat().st_uid)
    except (OSError, KeyError):
        return None


def _closed_to(socket: Path, node: pwd.struct_passwd | None) -> Finding | None:
    """Returns what keeps the node's user from the socket, if anything does."""
    if node is None or node.pw_uid == 0:
        return None
    groups = set(os.getgrouplist(node.pw_name, node.pw_gid))
    for place in (*reversed(socket.parents), socket):
        try:
            found = place.stat()
        except OSError:
            return None  # whether anybody listens is told next
        needed = stat.S_IWOTH | stat.S_IROTH if place == socket else stat.S_IXOTH
        shift = 0 if found.st_uid != node.pw_uid else 6
        shift = 3 if shift == 0 and found.st_gid in groups else shift
        if found.st_mode >> shift & needed != needed:
            return fault(
                _SUBJECT,
                f"{node.pw_name}, who runs the node, may not pass {place} "
                f"(mode {stat.S_IMODE(found.st_mode):04o}).",
                f'Set [socket] group = "{node.pw_name}" in the policy, with the socket '
                "in a folder that all may enter, such as /run/fedstill.",
            )
    return None
