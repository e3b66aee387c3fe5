"""Mutual TLS: each side shows a certificate of an authority that the other names."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import grpc

from client.custodian.endpoint import TlsFiles
from common.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Returns the credentials of a custodian that wants its clients' certificates.

    Raises:
        ConfigError: a file that cannot be read or used, or a key that others can read.
    """
    mode = _mode(files.key)
    if mode & _OTHERS:
        raise ConfigError(
            f"The key {str(files.key)!r} has mode {mode:04o}, so that others can use "
            "it; allowed is 0600. The custodian does not start."
        )
    certificate, key, authority = _contents(files)
    return grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=authority, require_client_auth=True
    )


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """Returns the credentials of a relay.

    Raises:
        ConfigError: a file that cannot be read or used.
    """
    certificate, key, authority = _contents(files)
    return grpc.ssl_channel_credentials(
        root_certificates=authority, private_key=key, certificate_chain=certificate
    )


def _contents(files: TlsFiles) -> tuple[bytes, bytes, bytes]:
    """Returns certificate, key and authority; gRPC itself would not say what is bad."""
    paths = (files.certificate, files.key, files.authority)
    certificate, key, authority = map(_read, paths)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise _unusable(files.certificate, f"with key {str(files.key)!r}") from error
    try:
        context.load_verify_locations(files.authority)
    except (OSError, ValueError) as error:
        raise _unusable(files.authority, "as an authority") from error
    return certificate, key, authority


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"The file {str(path)!r} cannot be read: {error.strerror}. Nothing is opened."
    )


def _unusable(path: Path, how: str) -> ConfigError:
    return ConfigError(
        f"The certificate {str(path)!r} cannot be used {how}; expected are PEM files "
        "that fit each other, the key without a password. Nothing is opened."
    )
