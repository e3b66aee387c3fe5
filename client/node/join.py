"""``fedstill site join``: makes a bundle into a node's folder, on its own machine."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from client.node.bundle_folder import open_bundle
from client.node.node_config import NodeConfig, node_config_path, node_config_text
from client.node.node_key import (
    fingerprint,
    make_node_key,
    read_node_key,
    write_public_key,
)
from client.node.policy_facts import PolicyFacts, read_policy_facts
from client.node.site_units import (
    NODE_UNIT,
    SITE_UNIT,
    SiteUsers,
    node_unit,
    site_unit,
)
from common.atomic_file import write_atomically
from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder
from common.deployment.spoken import spoken
from common.errors import ConfigError

_PUBLIC_FILE = 0o644
_PUBLIC_FOLDER = 0o755


def join_site(
    root: Path,
    *,
    policy: Path,
    user: str,
    site_user: str,
    new_key: bool = False,
) -> Iterator[str]:
    """Completes a bundle, and yields what the data owner has to know and to do.

    What is there stays, so that it can be done again; units alone are written anew.

    Args:
        root: the folder that the coordinator sent.
        policy: the site's policy; it need not exist yet.
        user: of the operating system, for the node.
        site_user: of the operating system, for the custodian.
        new_key: whether to replace a key that is there. The old one is not kept: it is
            of no use once the coordinator has revoked it.

    Raises:
        ConfigError: a bundle, a policy or a key that cannot be used. Nothing was
            changed then.
    """
    folder = BundleFolder(root.resolve())
    bundle = open_bundle(folder)
    facts = read_policy_facts(policy)
    facts.check_site(bundle)
    users = SiteUsers(node=user, custodian=site_user)
    units = _make_units(folder, bundle, facts, users)
    comment = f"{bundle.federation}/{bundle.site_name}"
    yield f"Bundle of {bundle.site_name} for {bundle.federation} at {bundle.address}."
    yield from _version_lines(bundle)
    try:
        yield _key_line(folder, comment=comment, new_key=new_key)
        yield from _config_lines(folder, facts, users)
        yield _write_units(folder, units)
        is_handed_over = _hand_over(folder, user)
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}. The bundle is not complete; run this "
            "again."
        ) from error
    yield from _next_lines(folder, bundle, facts, users, is_handed_over=is_handed_over)


def _version_lines(bundle: SiteBundle) -> Iterator[str]:
    here = metadata.version("fedstill")
    if here != bundle.fedstill:
        yield (
            f"Note: the coordinator has Fedstill {bundle.fedstill} and here is {here}; "
            "what does not fit is refused with a version mismatch."
        )


def _key_line(folder: BundleFolder, *, comment: str, new_key: bool) -> str:
    if folder.key.exists() and not new_key:
        public = read_node_key(folder)
        write_public_key(folder, public, comment=comment)
        return "Kept the node's key that is there (--new-key makes another)."
    had_one = folder.key.exists()
    make_node_key(folder, comment=comment)
    if had_one:
        return (
            "Made a new node key in place of the old one, which is gone: the "
            "coordinator has to revoke the old one and admit this one."
        )
    return "Made the node's key, node.key; it never leaves this machine."


def _config_lines(
    folder: BundleFolder, facts: PolicyFacts, users: SiteUsers
) -> Iterator[str]:
    path = node_config_path(folder)
    found = NodeConfig.read(path).custodian if path.exists() else ""
    if not found:
        write_atomically(path, node_config_text(facts.custodian).encode())
        found = facts.custodian
    elif facts.custodian and found != facts.custodian:
        yield (
            f"Note: node.toml says custodian = {found!r} and the policy's socket is "
            f"{facts.custodian!r}; node.toml was left as it is."
        )
    if facts.socket and not facts.group_is(users.node):
        yield (
            f'Note: the policy says [socket] group = "{facts.group}"; the node runs as '
            f'{users.node} and cannot connect unless it is group = "{users.node}".'
        )
    if found:
        return
    if facts.tls_address:
        yield (
            f"Note: the custodian listens at {facts.tls_address} with mutual TLS: say "
            "in node.toml how this node reaches it, and with which certificate."
        )
        return
    what = "has no [socket]" if facts.is_there else "is not there yet"
    yield (
        f"Note: the policy {facts.path} {what}: once it names one, run this again, or "
        "say in node.toml where the custodian is."
    )


def _make_units(
    folder: BundleFolder, bundle: SiteBundle, facts: PolicyFacts, users: SiteUsers
) -> dict[str, str]:
    # Not resolved: a virtual environment's python is a link to another place.
    command = Path(sys.executable).parent / "fedstill"
    try:
        units = (
            node_unit(command, folder, bundle, facts, users),
            site_unit(command, bundle, facts, users),
        )
    except ValueError as error:
        raise ConfigError(
            f"No unit can be written: {error}. Nothing was changed."
        ) from error
    return {unit.name: unit.text() for unit in units}


def _write_units(folder: BundleFolder, units: dict[str, str]) -> str:
    folder.units.mkdir(exist_ok=True)
    for name, text in units.items():
        write_atomically(folder.units / name, text.encode())
        (folder.units / name).chmod(_PUBLIC_FILE)
    return f"Wrote {' and '.join(units)} into {folder.units}."


def _hand_over(folder: BundleFolder, user: str) -> bool:
    """Gives the node's user what it has to read or write alone; whether it has it."""
    folder.flower_home.mkdir(mode=0o700, exist_ok=True)
    _let_all_read(folder)
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return False
    if os.geteuid() == account.pw_uid:
        return True
    if os.geteuid() != 0:
        return False
    for path in (folder.key, folder.flower_home, *folder.flower_home.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return True


def _let_all_read(folder: BundleFolder) -> None:
    """Opens what is public, where root unpacked it for itself alone."""
    config = node_config_path(folder)
    for path in (folder.bundle, folder.authority, folder.public_key, config):
        path.chmod(_PUBLIC_FILE)
    folder.root.chmod(_PUBLIC_FOLDER)


def _next_lines(
    folder: BundleFolder,
    bundle: SiteBundle,
    facts: PolicyFacts,
    users: SiteUsers,
    *,
    is_handed_over: bool,
) -> Iterator[str]:
    yield ""
    yield "The coordinator's authority has the SHA-256 fingerprint"
    yield f"  {spoken(bundle.authority)}"
    yield "Compare it with what the coordinator tells you by another way, as in a call."
    yield "The node's key has the fingerprint"
    yield f"  {fingerprint(read_node_key(folder))}"
    yield (
        f"Send {folder.public_key} back and nothing else, and tell that fingerprint by "
        "another way."
    )
    yield ""
    yield "Next, once the coordinator has admitted the key:"
    if not is_handed_over:
        yield f"  sudo useradd --system --user-group {users.custodian}"
        yield f"  sudo useradd --system --user-group {users.node}"
        yield f"  sudo chown -R {users.node} {folder.key} {folder.flower_home}"
    if not facts.is_there:
        yield f"  fedstill site init {facts.path}"
    yield f"  fedstill site check --policy {facts.path}"
    yield f"  sudo cp {folder.units}/*.service /etc/systemd/system/"
    yield "  sudo systemctl daemon-reload"
    yield f"  sudo systemctl enable --now {SITE_UNIT} {NODE_UNIT}"
    yield f"  fedstill doctor {folder.root}"
