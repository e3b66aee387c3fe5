"""``fedstill doctor`` on a site: what would keep the next run from being answered.

It looks at what the user who runs it may look at, and says what it could not see. It
reads no private example and writes no row of the ledger.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from client.custodian.endpoint import Endpoint
from client.custodian.reach import AbsentError, wait_until_there
from client.custodian.wire import PROTOCOL_VERSION
from client.node.bundle_folder import open_bundle
from client.node.exit_words import RETRY_SECONDS
from client.node.node_config import NodeConfig, node_config_path
from client.node.node_key import fingerprint, read_node_key
from client.node.supernode import lock_path
from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder
from common.doctor.network import SuperLinkAddress, network_findings
from common.errors import ConfigError
from common.finding import Finding, fault, ok, warning
from common.findings import Level

# A node that is not let in has ended by then.
_SETTLED = 10.0


def site_findings(root: Path, policy: Path | None) -> Iterator[Finding]:
    """Yields every finding about a site.

    Args:
        root: the bundle, after ``fedstill site join``.
        policy: of the custodian; None leaves out what only its owner may see.
    """
    folder = BundleFolder(root.resolve())
    try:
        bundle = open_bundle(folder)
    except ConfigError as error:
        yield fault("bundle", _one_line(error), "Get ca.crt and bundle.toml again.")
        return
    yield ok("bundle", f"{bundle.site_name} in {bundle.federation}.")
    yield _versions(bundle)
    reached = True
    superlink = SuperLinkAddress(
        address=bundle.address,
        authority=folder.authority.read_bytes(),
        renew="The coordinator runs `fedstill deploy rotate`.",
    )
    for finding in network_findings(superlink):
        reached = reached and finding.level is not Level.ERROR
        yield finding
    yield from _key_findings(folder, bundle, is_reached=reached)
    yield from _custodian_findings(folder)
    yield from _policy_findings(policy)


def _versions(bundle: SiteBundle) -> Finding:
    # That Flower's fit was seen when the bundle was opened.
    here, flower = metadata.version("fedstill"), metadata.version("flwr")
    text = f"Fedstill {here} (protocol {PROTOCOL_VERSION}), Flower {flower}"
    if here != bundle.fedstill:
        return warning(
            "versions",
            f"{text}; the coordinator has Fedstill {bundle.fedstill}.",
            "Install the same version: another protocol is refused.",
        )
    return ok("versions", f"{text}, as the coordinator has.")


def _key_findings(
    folder: BundleFolder, bundle: SiteBundle, *, is_reached: bool
) -> Iterator[Finding]:
    try:
        key = read_node_key(folder)
    except ConfigError as error:
        yield fault(
            "key",
            _one_line(error),
            f"Run this as root or as the node's user; if there is no key: fedstill "
            f"site join {folder.root}.",
        )
        return
    yield ok("key", f"{fingerprint(key)}, for its owner alone.")
    running = _running_seconds(folder)
    if running is not None and running < _SETTLED:
        yield warning(
            "node",
            "The node has just been started.",
            "Ask again in half a minute: a node that is not let in ends at once.",
        )
    elif running is not None:
        yield ok("node", "The node runs, so its key was let in.")
    elif not is_reached:
        yield warning(
            "node",
            "Whether the key is let in was not tried: the SuperLink is out of reach.",
            "Mend that first.",
        )
    else:
        yield _admission(folder, bundle)


def _admission(folder: BundleFolder, bundle: SiteBundle) -> Finding:
    # Imported here: Flower takes a second.
    from client.node.activation import Admission, try_admission  # noqa: PLC0415

    found = try_admission(
        bundle.address,
        authority=str(folder.authority),
        key=folder.key.read_bytes(),
    )
    if found is Admission.LET_IN:
        return warning(
            "node",
            "The key is let in, and the node does not run.",
            "systemctl enable --now fedstill-node",
        )
    if found is Admission.REFUSED:
        return fault(
            "node",
            "The SuperLink does not let the key in: it was not admitted, or revoked, "
            "or the node has crashed and is counted as online for a minute at most.",
            "Wait a minute and ask again; then let the coordinator look at `fedstill "
            f"deploy status`. The unit tries every {RETRY_SECONDS} seconds.",
        )
    return warning(
        "node",
        "The SuperLink gave no answer to the key.",
        "Ask again; the coordinator's log of fedstill-superlink says more.",
    )


def _running_seconds(folder: BundleFolder) -> float | None:
    """Returns for how long the node has run; None where it does not."""
    path = lock_path(folder)
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return time.time() - path.stat().st_mtime
    except OSError:
        return None
    return None


def _custodian_findings(folder: BundleFolder) -> Iterator[Finding]:
    path = node_config_path(folder)
    remedy = f"fedstill site join {folder.root} --policy FILE writes it."
    try:
        config = NodeConfig.read(path)
        if not config.custodian:
            raise ConfigError(f"{path}: custodian is empty.")
    except ConfigError as error:
        yield fault("custodian", _one_line(error), remedy)
        return
    endpoint = Endpoint.parse(
        config.custodian,
        certificate=config.custodian_certificate,
        key=config.custodian_key,
        authority=config.custodian_ca,
    )
    if endpoint.socket is not None:
        closed = _closed_to(endpoint.socket, _owner_of(folder.key))
        if closed is not None:
            yield closed
            return
    try:
        wait_until_there(endpoint, 1.0)
    except AbsentError as error:
        yield fault(
            "custodian",
            f"Nobody answers at {config.custodian}: {error}.",
            "systemctl status fedstill-site; its log says why it does not serve.",
        )
    else:
        yield ok("custodian", f"It listens at {config.custodian}.")


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
                "custodian",
                f"{node.pw_name}, who runs the node, may not pass {place} "
                f"(mode {stat.S_IMODE(found.st_mode):04o}).",
                f'Set [socket] group = "{node.pw_name}" in the policy, with the socket '
                "in a folder that all may enter, such as /run/fedstill.",
            )
    return None


def _policy_findings(path: Path | None) -> Iterator[Finding]:
    remedy = (
        "As the custodian's user, such as fedstill-site: fedstill doctor BUNDLE "
        "--policy FILE; and fedstill site check for the data."
    )
    if path is None:
        yield warning("policy", "Ledger and budget were not looked at.", remedy)
        return
    # Imported here: they take a second.
    from client.owner.check_ledger import ledger_findings  # noqa: PLC0415
    from client.owner.check_transfer import transfer_findings  # noqa: PLC0415
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415

    try:
        policy = load_policy_file(path)
    except ConfigError as error:
        yield fault("policy", _one_line(error), remedy)
        return
    yield ok("policy", f"{policy.site_name} keeps {policy.dataset_id}.")
    yield from transfer_findings(policy, None)
    yield from ledger_findings(policy, None)


def _one_line(error: ConfigError) -> str:
    return " ".join(str(error).split())
