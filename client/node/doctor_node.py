"""The node's half of ``fedstill doctor``: its key, and whether that is let in."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator

from client.node.exit_words import RETRY_SECONDS
from client.node.node_key import fingerprint, read_node_key
from client.node.site_units import NODE_UNIT
from client.node.supernode import lock_path
from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder
from common.doctor.access import not_seen, owner_name
from common.doctor.error_line import one_line
from common.errors import ConfigError
from common.finding import Finding, fault, ok, warning

# A node that is not let in has ended by then.
_SETTLED = 10.0
_UNIT_USER = re.compile(r"^User=(\S+)$", re.MULTILINE)


def node_findings(
    folder: BundleFolder, bundle: SiteBundle, *, is_reached: bool
) -> Iterator[Finding]:
    """Yields what there is to say about a site's node.

    Args:
        folder: the bundle.
        bundle: what the coordinator said.
        is_reached: whether the SuperLink was.
    """
    owner = owner_name(folder.key)
    if owner is not None and not os.access(folder.key, os.R_OK):
        yield not_seen("key", folder.key, user=owner)
        yield not_seen("node", lock_path(folder), user=owner)
        return
    try:
        key = read_node_key(folder)
    except ConfigError as error:
        yield fault(
            "key",
            one_line(error),
            f"If there is no key: fedstill site join {folder.root}.",
        )
        return
    yield ok("key", f"{fingerprint(key)}, for {owner} alone.")
    yield from _owner_findings(folder, owner)
    yield _running_finding(folder, bundle, is_reached=is_reached)


def _owner_findings(folder: BundleFolder, owner: str | None) -> Iterator[Finding]:
    """Yields whether key and Flower's folder belong to the node's user."""
    user = _unit_user(folder) or owner
    wrong = [
        f"{path.name} belongs to {found}"
        for path in (folder.key, folder.flower_home)
        if (found := owner_name(path)) not in (None, user)
    ]
    if wrong:
        yield warning(
            "key",
            f"{' and '.join(wrong)}, and {user} runs the node, who has to own both.",
            f"chown -R {user} {folder.key} {folder.flower_home}; nothing, if you start "
            "the node yourself and not by its unit.",
        )


def _unit_user(folder: BundleFolder) -> str | None:
    try:
        found = _UNIT_USER.search((folder.units / NODE_UNIT).read_text())
    except (OSError, ValueError):
        return None
    return None if found is None else found[1]


def _running_finding(
    folder: BundleFolder, bundle: SiteBundle, *, is_reached: bool
) -> Finding:
    running = _running_seconds(folder)
    if not is_reached:
        # Flower's node waits for its SuperLink: that it runs proves nothing then.
        what = "The node does not run" if running is None else "The node runs"
        return warning(
            "node",
            f"{what}. Whether its key is let in was not checked: the SuperLink is out "
            "of reach.",
            "Mend that first.",
        )
    if running is None:
        return _admission(folder, bundle)
    if running < _SETTLED:
        return warning(
            "node",
            "The node has just been started.",
            "Ask again in half a minute: a node that is not let in ends at once.",
        )
    return ok("node", "The node runs; one whose key is not let in would have ended.")


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
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return time.time() - path.stat().st_mtime
    except OSError:
        return None
    return None
