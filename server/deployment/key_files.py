"""The deployment's secrets on disk: the authority, the SuperLink's key, the secret.

What is there is never replaced unless somebody asks for it, and what is replaced is not
kept: an old key is of no use to those who should have it.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Sequence

from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError
from server.deployment.certificates import (
    KeyPair,
    is_certificate,
    is_pair,
    is_signed_by,
    make_authority,
    make_server_pair,
    normal_name,
)
from server.deployment.federation_file import FederationFile
from server.deployment.placing import ROOT, SECRET, Account, place

_LOCAL = ("localhost", "127.0.0.1", "::1")
_SECRET_BYTES = 32
_KEPT = "No key was changed."


def certificate_names(federation: FederationFile) -> tuple[str, ...]:
    """Returns what the SuperLink's certificate is for: the sites' names, and local."""
    server = federation.server
    names = (server.host, *server.names, *_LOCAL)
    return tuple(dict.fromkeys(map(normal_name, names)))


def complete_keys(
    folder: DeploymentFolder, federation: FederationFile, owner: Account | None
) -> None:
    """Makes the keys that are not there.

    Args:
        folder: its folders exist.
        federation: for names.
        owner: of what the services read; the authority stays root's. None leaves all
            to whoever runs this.

    Raises:
        ConfigError: something that cannot be made again is missing.
        OSError: a file cannot be written.
    """
    if not folder.authority.exists():
        if folder.certificate.exists():
            raise _authority_lost(folder, "is missing")
        replace_authority(folder, federation, owner)
    elif not is_certificate(folder.authority.read_bytes()):
        raise _authority_lost(folder, "is no certificate in PEM")
    if not _has_server_pair(folder):
        replace_server_pair(folder, federation, owner)
    if not folder.superexec_secret.exists():
        replace_secret(folder, owner)
    _hand_over(folder, owner)


def replace_authority(
    folder: DeploymentFolder, federation: FederationFile, owner: Account | None
) -> None:
    """Makes a new authority in place of the one that is there, if any."""
    pair = make_authority(federation.name, now=dt.datetime.now(dt.UTC))
    root = None if owner is None else ROOT
    place(folder.authority_key, pair.key, mode=SECRET, owner=root)
    place(folder.authority, pair.certificate, owner=root)


def replace_server_pair(
    folder: DeploymentFolder, federation: FederationFile, owner: Account | None
) -> None:
    """Makes a new certificate and key of the SuperLink.

    Raises:
        ConfigError: the authority's key is not there, or another one's.
    """
    authority = _read_authority(folder)
    names: Sequence[str] = certificate_names(federation)
    try:
        pair = make_server_pair(authority, names, now=dt.datetime.now(dt.UTC))
    except ValueError:
        raise ConfigError(
            f"{folder.authority_key} is not the key of {folder.authority}: put the "
            "right one back, or make a new authority with `fedstill deploy rotate "
            f"--authority --deployment {folder.root}`. {_KEPT}"
        ) from None
    place(folder.key, pair.key, mode=SECRET, owner=owner)
    place(folder.certificate, pair.certificate, owner=owner)


def replace_secret(folder: DeploymentFolder, owner: Account | None) -> None:
    """Makes a new secret, which the SuperExec shows to the SuperLink."""
    text = secrets.token_hex(_SECRET_BYTES)
    place(folder.superexec_secret, text.encode(), mode=SECRET, owner=owner)


def _read_authority(folder: DeploymentFolder) -> KeyPair:
    try:
        key = folder.authority_key.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{folder.authority_key} is not there, and signs the server's certificate: "
            f"put it back for as long as this command runs. {_KEPT}"
        ) from None
    if not folder.authority.exists():
        raise _authority_lost(folder, "is missing")
    return KeyPair(certificate=folder.authority.read_bytes(), key=key)


def _authority_lost(folder: DeploymentFolder, fault: str) -> ConfigError:
    return ConfigError(
        f"{folder.authority} {fault}, and the sites know it: put it back, from a "
        f"backup or from a folder in {folder.bundles}. {_KEPT}"
    )


def _has_server_pair(folder: DeploymentFolder) -> bool:
    """Whether key, certificate and authority are there and belong together.

    A power cut can leave an old one beside a new one.
    """
    if not folder.certificate.exists() or not folder.key.exists():
        return False
    pair = KeyPair(
        certificate=folder.certificate.read_bytes(), key=folder.key.read_bytes()
    )
    return is_pair(pair) and is_signed_by(
        pair.certificate, folder.authority.read_bytes()
    )


def _hand_over(folder: DeploymentFolder, owner: Account | None) -> None:
    """Gives keys that somebody else has made to those who should have them."""
    if owner is None:
        return
    for path in (folder.key, folder.superexec_secret):
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    for path in (folder.authority_key, folder.authority):
        if path.exists():
            os.chown(path, ROOT.uid, ROOT.gid, follow_symlinks=False)
