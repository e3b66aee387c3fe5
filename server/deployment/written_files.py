"""The files of a deployment that follow from its federation: written anew each time."""

from __future__ import annotations

import stat
from importlib import metadata
from pathlib import Path

import tomli_w

from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder, DeploymentFolder
from server.deployment.certificates import fingerprint
from server.deployment.compose import server_compose, site_compose
from server.deployment.dockerfile import dockerfile_text, image_folder
from server.deployment.federation_file import FederationFile
from server.deployment.placing import ROOT, SECRET, Account, make_folder, place
from server.deployment.readme import server_readme
from server.deployment.server_units import own_command, server_units, written_folders
from server.deployment.site_readme import site_readme

CONNECTION = "fedstill"
_DOCKERFILE = "Dockerfile"
_OWNER_ONLY = stat.S_IRWXU
_GROUP_ENTERS = 0o750
_ALL_READ = 0o755


def make_folders(folder: DeploymentFolder, owner: Account | None) -> None:
    """Makes the folders, each with those who may enter it.

    Args:
        folder: of the deployment.
        owner: who runs the services, where root prepares everything for it; None
            leaves all to whoever runs this, and to nobody else.
    """
    inner = (folder.authority.parent, folder.key.parent)
    if owner is None:
        entered, root = _OWNER_ONLY, None
    else:
        entered, root = _GROUP_ENTERS, Account(uid=ROOT.uid, gid=owner.gid)
    for path in (folder.root, *inner):
        make_folder(path, mode=entered, owner=root)
    for path in written_folders(folder):
        make_folder(path, mode=_OWNER_ONLY, owner=owner)
    for path in (folder.units, folder.bundles, image_folder(folder.root)):
        make_folder(path, mode=_ALL_READ, owner=root)


def write_texts(
    folder: DeploymentFolder, federation: FederationFile, owner: Account | None
) -> bool:
    """Writes units, Flower's connection, compose file and README.

    Returns:
        Whether a unit is new, or not what it was.
    """
    place(
        folder.flower_config,
        flower_config(folder, federation).encode(),
        mode=SECRET,
        owner=owner,
    )
    image = image_folder(folder.root) / _DOCKERFILE
    texts = {
        folder.compose: server_compose(folder, federation),
        image: dockerfile_text(metadata.version("fedstill")),
        folder.readme: server_readme(own_command(), folder, federation),
    }
    for path, text in texts.items():
        place(path, text.encode())
    units = server_units(own_command(), folder, federation)
    changed = [place(folder.units / name, units[name].encode()) for name in units]
    return any(changed)


def flower_config(folder: DeploymentFolder, federation: FederationFile) -> str:
    """Returns Flower's own config: where its commands find the SuperLink."""
    connection = {
        "address": f"127.0.0.1:{federation.server.port}",
        "root-certificates": str(folder.authority),
        "insecure": False,
    }
    return tomli_w.dumps({"superlink": {"default": CONNECTION, CONNECTION: connection}})


def write_bundle(
    folder: DeploymentFolder, federation: FederationFile, site_name: str
) -> bool:
    """Writes what a site is sent; returns whether its bundle says something new.

    What a site's own commands have put there, if it joined on this machine, stays.
    """
    authority = folder.authority.read_bytes()
    bundle = SiteBundle(
        federation=federation.name,
        site_name=site_name,
        address=federation.server.address,
        authority=fingerprint(authority),
        fedstill=metadata.version("fedstill"),
        flower=metadata.version("flwr"),
    )
    sent = folder.bundle(site_name)
    image = image_folder(sent.root)
    for path in (sent.root, image):
        make_folder(path, mode=_ALL_READ)
    place(sent.authority, authority)
    place(sent.readme, site_readme(bundle).encode())
    place(sent.compose, site_compose(federation.name, site_name).encode())
    place(image / _DOCKERFILE, dockerfile_text(bundle.fedstill).encode())
    return place(sent.bundle, bundle.to_toml().encode())


def is_sent_bundle(path: Path) -> bool:
    """Returns whether a folder is a site's bundle."""
    return BundleFolder(path).bundle.is_file()
