"""A certificate and a secret for one start of a node: its own parts know one another.

The SuperNode's runtime API listens on 127.0.0.1, where every user of the machine can
connect, and where another one can listen once the SuperNode is gone. So the SuperExec
shows a secret to the SuperNode, and the SuperNode a certificate to the SuperExec:
nobody else is given a task, and nobody else can hand one out.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
_SECRET_BYTES = 32
# A node may run for years without a restart; with it the key is gone.
_VALID = dt.timedelta(days=3650)
_CLOCK_MAY_BE_OFF = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RuntimeFiles:
    """Where they lie, in a folder of the node's user alone.

    Attributes:
        folder: the folder; it must exist.
    """

    folder: Path

    @property
    def secret(self) -> Path:
        """What the SuperExec shows."""
        return self.folder / "superexec.secret"

    @property
    def certificate(self) -> Path:
        """What the SuperNode shows; its own authority."""
        return self.folder / "runtime.crt"

    @property
    def key(self) -> Path:
        """The certificate's key."""
        return self.folder / "runtime.key"

    def write(self) -> None:
        """Writes new ones over those of the last start."""
        key = ec.generate_private_key(ec.SECP256R1())
        _write(self.secret, secrets.token_hex(_SECRET_BYTES).encode())
        _write(
            self.key,
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
        _write(self.certificate, _certificate(key).public_bytes(Encoding.PEM))


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedstill node runtime")])
    now, public = dt.datetime.now(dt.UTC), key.public_key()
    host = x509.IPAddress(ipaddress.ip_address(HOST))
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_MAY_BE_OFF)
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )
        .sign(key, SHA256())
    )


def _write(path: Path, content: bytes) -> None:
    """Writes a file that was never anybody else's, not for a moment."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode=0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
