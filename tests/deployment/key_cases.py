"""Public keys that `fedstill deploy admit` must not take."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.deployment.fleet_requests import NodeKey
from tests.deployment.refusing import Refusing


def _line(key) -> bytes:
    public = key.public_key() if hasattr(key, "public_key") else key
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"


def new_public_key() -> bytes:
    return _line(NodeKey.new().private)


def _pasted(_: Refusing) -> bytes:
    return NodeKey.new().private.private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )


KEYS = {
    "a private key": _pasted,
    "an RSA key": lambda _: _line(rsa.generate_private_key(65_537, 2048)),
    "an Ed25519 key": lambda _: _line(ed25519.Ed25519PrivateKey.generate()),
    "a P-256 key": lambda _: _line(ec.generate_private_key(ec.SECP256R1())),
    "another site's key": lambda refusing: (
        refusing.first.bundle.public_key.read_bytes()
    ),
    "two keys": lambda _: new_public_key() + new_public_key(),
    "half a key": lambda _: new_public_key()[:60],
    "an empty file": lambda _: b"",
    "a file that is no key": lambda _: b"\x00\xff" * 500,
    "a huge file": lambda _: b"x" * (1 << 20),
}
