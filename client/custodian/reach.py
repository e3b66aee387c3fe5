"""Whether somebody listens at an endpoint: a relay may come before its custodian."""

from __future__ import annotations

import socket
import time

from client.custodian.endpoint import Endpoint

_PAUSE_SECONDS = 0.1


class AbsentError(Exception):
    """Nobody listens; says in the system's words why."""


def wait_until_there(endpoint: Endpoint, seconds: float) -> None:
    """Returns once somebody listens.

    gRPC's own way to wait takes a fifth of a second even where somebody does.

    Args:
        endpoint: where.
        seconds: for which to wait.

    Raises:
        AbsentError: nobody does in time, or this user may not connect.
    """
    ends_at = time.monotonic() + seconds
    while True:
        remaining = ends_at - time.monotonic()
        try:
            _connect(endpoint, max(remaining, _PAUSE_SECONDS))
        except PermissionError as error:  # waiting changes no permission
            raise AbsentError(str(error.strerror)) from error
        except OSError as error:
            if remaining <= _PAUSE_SECONDS:
                raise AbsentError(error.strerror or "no answer in time") from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _connect(endpoint: Endpoint, seconds: float) -> None:
    if endpoint.socket is None:
        host, _, port = endpoint.address.rpartition(":")
        address = (host.strip("[]"), int(port))
        socket.create_connection(address, timeout=seconds).close()
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(seconds)
        probe.connect(str(endpoint.socket))
