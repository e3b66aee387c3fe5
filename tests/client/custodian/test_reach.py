"""A relay waits for a custodian that starts, and for no longer than it said."""

import socket
import threading

import pytest

from client.custodian import reach
from client.custodian.endpoint import Endpoint
from client.custodian.reach import AbsentError, wait_until_there
from tests.client.custodian.support import SECONDS, Echo, door


def test_who_listens_is_there():
    """Without any wait."""
    with door(Echo()) as custodian:
        wait_until_there(custodian.endpoint, 0.0)


def test_who_starts_meanwhile_is_there(tmp_path):
    """A stale socket is one that nobody listens at yet."""
    path = tmp_path / "site.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    endpoint = Endpoint.parse(f"unix:{path}")
    waiting = threading.Thread(target=wait_until_there, args=(endpoint, SECONDS))
    waiting.start()

    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        waiting.join(SECONDS)

    assert not waiting.is_alive()


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.2])
def test_who_is_absent_is_told(seconds, tmp_path):
    """In the system's words."""
    endpoint = Endpoint.parse(f"unix:{tmp_path}/site.sock")

    with pytest.raises(AbsentError, match="No such file or directory"):
        wait_until_there(endpoint, seconds)


def test_who_may_not_connect_does_not_wait(monkeypatch):
    """The owner reads that the SuperNode's user is not in the group."""

    def refuse(endpoint, seconds):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reach, "_connect", refuse)
    monkeypatch.setattr(reach.time, "sleep", lambda _: pytest.fail("waited"))

    with pytest.raises(AbsentError, match="Permission denied"):
        wait_until_there(Endpoint.parse("unix:/run/s"), SECONDS)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_is_reached_too(host):
    """Any TCP listener will do: TLS comes later."""
    files = dict.fromkeys(("certificate", "key", "authority"), "any.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        wait_until_there(Endpoint.parse(f"{host}:{port}", **files), SECONDS)
