"""Bundles and node keys that a site's commands must not use."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.deployment.forgeries import Identity, issue
from tests.deployment.refusing import Refusing


def _exchanged_authority(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "exchanged")
    bundle.authority.write_bytes(_pem(issue(is_authority=True)))
    return bundle


def _odd_authority(identity: Identity):
    def make(refusing: Refusing):
        authority = identity.certificate.fingerprint(SHA256()).hex()
        bundle = refusing.bundle_like(refusing.first, "odd", authority=authority)
        bundle.authority.write_bytes(_pem(identity))
        return bundle

    return make


def _pem(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(Encoding.PEM)


def _other_flower(refusing: Refusing):
    return refusing.bundle_like(refusing.first, "flower", flower="1.39.0")


def _other_site(refusing: Refusing):
    return refusing.bundle_like(refusing.second, "other")


def _cut_off(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "cut-off")
    bundle.bundle.write_text(bundle.bundle.read_text()[:40])
    return bundle


BUNDLES = {
    "another ca.crt": (_exchanged_authority, "ca.crt"),
    "a ca.crt that is no authority": (_odd_authority(issue()), "ca.crt"),
    "an expired ca.crt": (
        _odd_authority(issue(is_authority=True, days=(-9, -1))),
        "ca.crt",
    ),
    "another Flower": (_other_flower, "1.39.0"),
    "another site's bundle": (_other_site, "hospital-b"),
    "half a bundle.toml": (_cut_off, "bundle.toml"),
}


def _key_for_all(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "open-key")
    bundle.key.chmod(0o644)
    return bundle


def _no_key(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "no-key")
    bundle.key.unlink()
    return bundle


def _rsa_key(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "rsa-key")
    key = rsa.generate_private_key(65_537, 2048)
    bundle.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    )
    return bundle


UNUSABLE = {
    "a key that others can read": (_key_for_all, "node.key"),
    "no key": (_no_key, "node.key"),
    "an RSA key": (_rsa_key, "node.key"),
    "another ca.crt": (_exchanged_authority, "ca.crt"),
    "another Flower": (_other_flower, "1.39.0"),
}
