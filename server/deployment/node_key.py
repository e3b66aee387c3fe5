"""The public key that a site has sent: is it one, and which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)

from common.deployment.node_fingerprint import node_fingerprint
from common.errors import ConfigError

# A P-384 key takes 160 letters and its comment what people write there.
_MOST_BYTES = 4096
_CONSEQUENCE = "No site was admitted."


@dataclass(frozen=True, slots=True)
class NodeKey:
    """A node's public key.

    Attributes:
        line: in OpenSSH's format, without the comment.
        fingerprint: as ``ssh-keygen -l`` prints it, ``SHA256:...``.
    """

    line: str
    fingerprint: str


def read_node_key(path: Path) -> NodeKey:
    """Returns the key in ``node.pub``.

    Raises:
        ConfigError: it cannot be read, or is not one public ECDSA P-384 key.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _problem(path, error.strerror or "cannot be read") from None
    if b"PRIVATE KEY" in content:
        raise _problem(
            path,
            "is a private key, which must never leave its site. Delete it, let the "
            "site make a new one (fedstill site join --new-key), and take the file "
            "that ends in .pub",
        )
    if len(content) > _MOST_BYTES:
        raise _problem(path, f"has over {_MOST_BYTES} bytes, too many for one key")
    return _parse(path, content)


def _parse(path: Path, content: bytes) -> NodeKey:
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) != 1:
        raise _problem(path, f"has {len(lines)} lines, must have one with one key")
    try:
        key = load_ssh_public_key(lines[0].strip())
    except (ValueError, UnsupportedAlgorithm):
        raise _problem(
            path, "is no public key in OpenSSH's format (ecdsa-sha2-nistp384 AAAA...)"
        ) from None
    curve = key.curve if isinstance(key, ec.EllipticCurvePublicKey) else None
    if not isinstance(curve, ec.SECP384R1):
        raise _problem(
            path,
            f"is a key of another kind ({curve.name if curve else type(key).__name__}"
            "), must be ECDSA P-384, which `fedstill site join` makes",
        )
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return NodeKey(line=line, fingerprint=node_fingerprint(line))


def _problem(path: Path, fault: str) -> ConfigError:
    return ConfigError(f"{path}: {fault}. {_CONSEQUENCE}")
