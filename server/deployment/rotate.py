"""``fedstill deploy rotate``: new keys in place of the old ones, which are not kept."""

from __future__ import annotations

from pathlib import Path

from common.deployment.layout import DeploymentFolder
from common.deployment.spoken import spoken
from common.errors import ConfigError
from server.deployment.certificates import end_of, fingerprint
from server.deployment.federation_file import (
    CONSEQUENCE,
    FederationFile,
    load_federation_file,
)
from server.deployment.init import services_owner
from server.deployment.key_files import (
    replace_authority,
    replace_secret,
    replace_server_pair,
)
from server.deployment.server_units import SUPEREXEC_UNIT, SUPERLINK_UNIT
from server.deployment.taken_folder import is_deployment, unwritable
from server.deployment.written_files import make_folders, write_bundle


def rotate_keys(deployment: Path, *, with_authority: bool) -> list[str]:
    """Makes a new server certificate and key, and a new secret of the SuperExec.

    Args:
        deployment: the folder that ``fedstill deploy init`` made.
        with_authority: make a new authority too; no site connects until it has the
            new ``ca.crt`` and ``bundle.toml``.

    Returns:
        What was done and what comes next, a line each.

    Raises:
        ConfigError: the folder is no deployment, or the authority's key is not there.
    """
    folder = DeploymentFolder(deployment.resolve())
    if not is_deployment(folder):
        raise ConfigError(
            f"{folder.root} is no deployment: `fedstill deploy init` makes one, and "
            f"--deployment says where it is. {CONSEQUENCE}"
        )
    federation = load_federation_file(folder.federation)
    owner = services_owner(federation.server.user)
    try:
        make_folders(folder, owner)
        if with_authority:
            replace_authority(folder, federation, owner)
        replace_server_pair(folder, federation, owner)
        replace_secret(folder, owner)
        sites = federation.sites.names
        changed = [name for name in sites if write_bundle(folder, federation, name)]
    except OSError as error:
        raise unwritable(folder, error) from error
    end = end_of(folder.certificate.read_bytes())
    return [
        *(_authority_lines(folder, federation) if with_authority else ()),
        *(_changed_lines(folder, changed) if not with_authority else ()),
        (
            f"Made a new server certificate, good until {end:%Y-%m-%d}, its key, and a "
            "new SuperExec secret. The old ones were not kept."
        ),
        "Next, where the units run; a run goes on from its last round:",
        f"  sudo systemctl restart {SUPERLINK_UNIT} {SUPEREXEC_UNIT}",
    ]


def _changed_lines(folder: DeploymentFolder, changed: list[str]) -> list[str]:
    """Returns what is to do where the federation's file has changed before."""
    if not changed:
        return []
    return [f"Bundles to send: {', '.join(changed)} (in {folder.bundles})."]


def _authority_lines(folder: DeploymentFolder, federation: FederationFile) -> list[str]:
    digits = fingerprint(folder.authority.read_bytes())
    return [
        (
            "Made a new authority; the old one is gone, and no site connects before it "
            "has the new files."
        ),
        (
            f"Send ca.crt and bundle.toml out of {folder.bundles} to each of "
            f"{', '.join(federation.sites.names)}."
        ),
        "There they replace the old ones; then: sudo systemctl restart fedstill-node",
        (
            "Nodes' keys stay, so nobody is admitted again. The fingerprint, to tell "
            "every site by another way:"
        ),
        f"  {spoken(digits)}",
    ]
