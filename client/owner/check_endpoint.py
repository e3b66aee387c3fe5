"""Whether a relay can reach the site, and nobody else: socket folder and group, TLS."""

from __future__ import annotations

import datetime as dt
import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from client.custodian.tls import server_credentials
from client.custodian.unix_socket import FOLDER_MODE
from client.owner.policy_endpoint import policy_endpoint
from client.owner.policy_file import PolicyFile
from common.errors import ConfigError
from common.finding import Finding, fault, ok, warning

_MODE_BITS = 0o777
_SOON = dt.timedelta(days=30)
_SOCKET, _TLS = "socket", "tls"


def endpoint_findings(policy: PolicyFile) -> Iterator[Finding]:
    """Yields what there is to say about where the site listens."""
    try:
        endpoint = policy_endpoint(policy)
    except ConfigError as error:
        remedy = 'Set [socket] path, such as "run/site.sock", or [tls] address.'
        yield fault("endpoint", str(error), remedy)
        return
    if endpoint.socket is not None:
        yield from _socket_findings(endpoint.socket, endpoint.group)
        return
    assert endpoint.tls is not None  # an endpoint checks itself
    try:
        server_credentials(endpoint.tls)
    except ConfigError as error:
        yield fault(_TLS, str(error), "Put the right PEM files there, the key 0600.")
        return
    yield _validity(endpoint.tls.certificate)


def _socket_findings(path: Path, group: str) -> Iterator[Finding]:
    if path.exists() and not path.is_socket():
        remedy = "Choose another [socket] path."
        yield fault(_SOCKET, f"{path} is there, and is no socket.", remedy)
        return
    try:
        group_id = _group_id(group)
    except KeyError:
        yield fault(
            _SOCKET,
            f"[socket] group = {group!r} does not exist.",
            f"groupadd {group}, and add the SuperNode's user to it.",
        )
        return
    if os.geteuid() != 0 and group_id not in {os.getegid(), *os.getgroups()}:
        yield fault(
            _SOCKET,
            f"The custodian's user is not in the group {group}, so it cannot give the "
            "socket to it.",
            f"Add the custodian's user to the group {group}.",
        )
        return
    yield _folder_finding(path.parent, group or _group_name(group_id), group_id)


def _group_id(group: str) -> int:
    if not group:
        return os.getegid()
    return int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid


def _group_name(group_id: int) -> str:
    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return str(group_id)


def _folder_finding(folder: Path, group: str, group_id: int) -> Finding:
    if not folder.exists():
        if not folder.parent.is_dir() or not os.access(
            folder.parent, os.W_OK | os.X_OK
        ):
            return fault(
                _SOCKET,
                f"{folder} cannot be made: {folder.parent} is not there, or cannot be "
                "written.",
                f"Make {folder.parent}, or choose another [socket] path.",
            )
        text = f"{folder} will be made; only members of the group {group} can enter."
        return ok(_SOCKET, text)
    state = folder.lstat()
    mode = stat.S_IMODE(state.st_mode) & _MODE_BITS
    is_ours = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
    if not is_ours or mode & ~FOLDER_MODE or state.st_gid != group_id:
        user = os.geteuid()
        return fault(
            _SOCKET,
            f"{folder} has mode {mode:04o}, user {state.st_uid} and group "
            f"{state.st_gid}: others could connect, or put a socket of theirs there.",
            f"chown {user}:{group_id} and chmod 0750 it, or let the custodian make it.",
        )
    return ok(_SOCKET, f"Only members of the group {group} can enter {folder}.")


def _validity(path: Path) -> Finding:
    ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    left = ends - dt.datetime.now(dt.UTC)
    text = f"The certificate is valid until {ends:%Y-%m-%d}."
    remedy = "Have it renewed."
    if left <= dt.timedelta():
        return fault(_TLS, text, remedy)
    return warning(_TLS, text, remedy) if left < _SOON else ok(_TLS, text)
