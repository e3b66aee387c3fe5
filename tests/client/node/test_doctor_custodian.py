"""`fedstill doctor` on a site: whether the node reaches a custodian that is well."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from client.custodian.reach import AbsentError
from client.node import doctor_custodian
from client.node.node_config import node_config_path, node_config_text
from common.findings import Level
from common.messages import RefusalReason
from tests.client.custodian.support import Refuses, door
from tests.client.node.doctor_site import look, of, point


@pytest.fixture
def open_folder():
    """A folder that all users may enter; pytest's own is for its user alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_custodian_that_does_not_listen(site, tmp_path):
    """Its own log says why."""
    point(site[0], tmp_path / "none.sock")

    finding = of(look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "Nobody answers" in finding.text
    assert "fedstill-site" in finding.remedy


def test_custodian_that_hangs(site, open_folder, monkeypatch):
    """The kernel takes connections for a stopped process as well."""
    monkeypatch.setattr(doctor_custodian, "_ANSWERS_WITHIN", 0.3)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(open_folder / "site.sock"))
        silent.listen()
        point(site[0], open_folder / "site.sock")

        finding = of(look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "does not answer" in finding.text
    assert "fedstill-site" in finding.remedy


def test_custodian_whose_ledger_is_away(site):
    """It would refuse every request; the ledger's own check says why."""
    with door(Refuses(RefusalReason.LEDGER_UNAVAILABLE)) as custodian:
        custodian.ask()
        point(site[0], custodian.endpoint.socket)

        finding = of(look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "ledger cannot be used" in finding.text
    assert "--policy FILE" in finding.remedy


def test_socket_that_this_user_may_not_use(site, monkeypatch):
    """The node's user may, for all that one knows."""

    def closed(*_):
        raise AbsentError("Permission denied") from PermissionError()

    monkeypatch.setattr(doctor_custodian, "wait_until_there", closed)

    finding = of(look(site), "custodian")

    assert finding.level is Level.WARNING
    assert "was not checked" in finding.text
    assert finding.remedy.startswith("Run this as root")


def test_node_that_does_not_know_its_custodian(site):
    """`site join` writes it."""
    node_config_path(site[0]).write_text(node_config_text(""))

    finding = of(look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "site join" in finding.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's key needs root")
@pytest.mark.parametrize("closed", ["folder", "socket"])
def test_socket_that_the_nodes_user_cannot_reach(site, open_folder, closed):
    """Named is the first place that it may not pass."""
    folder = site[0]
    os.chown(folder.key, 1, 1)  # daemon's, whose group is not the socket's
    path = open_folder / "run" / "site.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as custodian:
        custodian.bind(str(path))
    path.chmod(0o777)
    point(folder, path)
    assert "Nobody answers" in of(look(site), "custodian").text
    (path.parent if closed == "folder" else path).chmod(0o750)

    finding = of(look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "daemon, who runs the node, may not pass" in finding.text
    assert "[socket] group" in finding.remedy
