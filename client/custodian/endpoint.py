"""Where a custodian is: a Unix domain socket, or TCP with mutual TLS; nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from common.errors import ConfigError

_UNIX = "unix:"
_ADDRESS = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_LAST_PORT = 65_535
# Of sockaddr_un on Linux, without the closing zero; 103 elsewhere.
_MOST_PATH_BYTES = 107
_ALLOWED = (
    'allowed are "unix:" with an absolute path and, with certificate, key and '
    'certificate authority, "host:port"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The PEM files of one side of mutual TLS.

    Attributes:
        certificate: of this side.
        key: of this side, private.
        authority: that signs the other side's certificate.
    """

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a custodian listens; made by :meth:`parse`.

    Attributes:
        socket: path of the Unix domain socket; None for TCP.
        group: of the operating system that may connect to the socket; empty for the
            custodian's own.
        address: ``host:port``; empty for a socket.
        tls: the files of this side; never None for TCP.

    Raises:
        ValueError: TCP without TLS, or both or neither of socket and address.
    """

    socket: Path | None = None
    group: str = ""
    address: str = ""
    tls: TlsFiles | None = None

    def __post_init__(self) -> None:
        if (self.socket is None) == (not self.address):
            raise ValueError("Expected either a socket or an address.")
        if (self.tls is None) != (not self.address):
            raise ValueError("Expected TLS files with an address and only with one.")

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        certificate: str = "",
        key: str = "",
        authority: str = "",
        group: str = "",
    ) -> Self:
        """Returns the endpoint that a config names.

        Args:
            text: ``unix:/absolute/path``, or ``host:port``.
            certificate: path of this side's certificate; for TCP only, as the next.
            key: path of this side's private key.
            authority: path of the certificate of the other side's authority.
            group: that may connect to a socket.

        Raises:
            ConfigError: anything else, and TCP without all three files.
        """
        files = (certificate, key, authority)
        if text.startswith(_UNIX):
            if any(files):
                raise _problem(text, "a socket takes no certificates")
            return cls(socket=_socket(text), group=group)
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match[2]) > _LAST_PORT:
            raise _problem(text, "neither a socket nor an address")
        if group:
            raise _problem(text, f"a group ({group!r}) is for a socket")
        if not all(files):
            raise _problem(text, "TCP without mutual TLS is never used")
        return cls(address=text, tls=TlsFiles(**_paths(certificate, key, authority)))

    @property
    def target(self) -> str:
        """The endpoint as gRPC names it."""
        if self.socket is None:
            return self.address
        return _UNIX + quote(str(self.socket))  # gRPC decodes it as a URI


def _socket(text: str) -> Path:
    path = Path(text.removeprefix(_UNIX))
    if not path.is_absolute() or ".." in path.parts or "\0" in text:
        raise _problem(text, "not an absolute path")
    if len(str(path).encode()) > _MOST_PATH_BYTES:
        raise _problem(text, f"longer than the system's {_MOST_PATH_BYTES} bytes")
    return path


def _paths(certificate: str, key: str, authority: str) -> dict[str, Path]:
    return {
        "certificate": Path(certificate),
        "key": Path(key),
        "authority": Path(authority),
    }


def _problem(text: str, what: str) -> ConfigError:
    return ConfigError(f"custodian = {text!r}: {what}; {_ALLOWED}. Nothing is opened.")
