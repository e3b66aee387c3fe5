"""The node's key: made on the site's machine; only its public half ever travels."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from common.atomic_file import sync_folder, write_atomically
from common.deployment.layout import BundleFolder
from common.deployment.node_fingerprint import node_fingerprint
from common.errors import ConfigError

KEY_MODE = 0o600
_OF_OTHERS = 0o077
_CONSEQUENCE = "The node does not start."


def make_node_key(folder: BundleFolder, *, comment: str) -> None:
    """Writes a new key pair, in place of one that is there.

    Args:
        folder: the bundle; ``node.key`` gets mode 0600.
        comment: of the public key, public.

    Raises:
        ConfigError: the folder cannot be written.
    """
    # ECDSA P-384 in OpenSSH's format is what Flower takes, and nothing else.
    key = ec.generate_private_key(ec.SECP384R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    temporary = folder.key.with_name(f".{folder.key.name}.{os.getpid()}.new")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(
            temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode=KEY_MODE
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(private)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder.key)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(folder.root)
        write_public_key(folder, key.public_key(), comment=comment)
    except OSError as error:
        raise ConfigError(
            f"The node's key {folder.key} cannot be written: {error.strerror}. No key "
            "was made."
        ) from error


def write_public_key(
    folder: BundleFolder, key: ec.EllipticCurvePublicKey, *, comment: str
) -> None:
    """Writes ``node.pub``, one line."""
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    write_atomically(folder.public_key, line + f" {comment}\n".encode())


def read_node_key(folder: BundleFolder) -> ec.EllipticCurvePublicKey:
    """Returns the public half of ``node.key``.

    Raises:
        ConfigError: it is not there, others may read it, or it is no such key.
    """
    path = folder.key
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())  # of what was opened
            content = file.read()
    except FileNotFoundError:
        raise _problem(
            path, f"is not there; make it with: fedstill site join {folder.root}"
        ) from None
    except PermissionError:
        raise _problem(
            path,
            f"cannot be read by user {os.geteuid()}, whom the node runs as: chown it",
        ) from None
    except OSError as error:
        raise _problem(path, f"cannot be read: {error.strerror}") from error
    if found.st_mode & _OF_OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise _problem(
            path,
            f"has mode {mode:04o}, so that others could answer in the site's name, "
            "must be 0600: chmod 0600 it, and make a new key if others had it",
        )
    try:
        key = load_ssh_private_key(content, password=None)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _problem(
            path,
            "is no ECDSA key in OpenSSH's format; make one with: fedstill site join "
            f"{folder.root} --new-key",
        )
    return key.public_key()


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """Returns the fingerprint as ``ssh-keygen -l`` prints it."""
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return node_fingerprint(line.decode())


def _problem(path: Path, what: str) -> ConfigError:
    return ConfigError(f"The node's key {path} {what}. {_CONSEQUENCE}")
