"""Certificates that a site must not believe, and servers that show them."""

from __future__ import annotations

import ctypes
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.deployment.machines import Machine

SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A certificate, its key, and those above it but for the root."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def read(cls, certificate: Path, key: Path) -> Identity:
        """Returns the one in two files."""
        return cls(
            certificate=x509.load_pem_x509_certificate(certificate.read_bytes()),
            key=load_pem_private_key(key.read_bytes(), password=None),
        )

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Writes certificates and key; returns where."""
        names = folder / "server.crt", folder / "server.key"
        all_of_them = (self.certificate, *self.chain)
        names[0].write_bytes(
            b"".join(one.public_bytes(Encoding.PEM) for one in all_of_them)
        )
        names[1].write_bytes(
            self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return names


def issue(
    by: Identity | None = None,
    *,
    host: str = "127.0.0.1",
    days: tuple[float, float] = (-1, 30),
    usage: x509.ObjectIdentifier = SERVER,
    is_authority: bool = False,
) -> Identity:
    """Returns a new identity.

    Args:
        by: who signs it; None is itself.
        host: a number, whom it is for.
        days: from when to when, counted from now.
        usage: what it is for.
        is_authority: whether it says of itself that it may issue others.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("authority" if is_authority else host)
    now = dt.datetime.now(dt.UTC)
    issuer = by.certificate.subject if by else name
    authority_key = (by.key if by else key).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=None), critical=True
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key),
            critical=False,
        )
    )
    if not is_authority:
        names = x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address(host))]
        )
        builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    chain = (by.certificate, *by.chain) if by else ()
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    return Identity(certificate=certificate, key=key, chain=chain)


@dataclass
class Heard:
    """What a server of ours was told.

    Attributes:
        port: where it listens.
        connections: how many there were.
        content: every byte that came after a handshake that the other side finished.
    """

    port: int
    connections: int = 0
    content: bytearray = field(default_factory=bytearray)


@contextmanager
def showing(
    identity: Identity | None, folder: Path, machine: Machine | None = None
) -> Iterator[Heard]:
    """Yields a server with a certificate.

    Args:
        identity: what it shows; None is a server without TLS.
        folder: for its files.
        machine: where it listens, on all its addresses; None is this process's own.
    """
    context = None
    if identity is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*identity.write(folder))
    with _listening(machine) as listening:
        heard = Heard(port=listening.getsockname()[1])
        threading.Thread(
            target=_serve, args=(listening, context, heard), daemon=True
        ).start()
        yield heard
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _listening(machine: Machine | None) -> socket.socket:
    """Returns a listening socket; it belongs to the network it was made in."""
    if machine is None or not machine.namespace:
        return socket.create_server(("", 0))

    def listen() -> socket.socket:
        with Path("/run/netns", machine.namespace).open("rb") as namespace:
            # A thread of its own, which alone moves.
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")
        return socket.create_server(("", 0))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(listen).result()


def _serve(
    listening: socket.socket, context: ssl.SSLContext | None, heard: Heard
) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        heard.connections += 1
        connection.settimeout(10)
        with suppress(OSError), connection:
            if context is None:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            with context.wrap_socket(connection, server_side=True) as secured:
                heard.content += secured.recv(65_536)
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"forged {text}")])
