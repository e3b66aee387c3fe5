"""`fedstill doctor` on a site: each fault is told with its remedy."""

import fcntl
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

from client.node import doctor
from client.node.activation import Admission
from client.node.doctor import site_findings
from client.node.node_config import node_config_path, node_config_text
from client.node.node_key import make_node_key
from client.node.supernode import lock_path
from common.doctor.network import network_findings
from common.findings import Level
from server.deployment.certificates import fingerprint
from tests.client.node.support import make_bundle
from tests.common.doctor.servers import authority, server_pair, superlink


class _Certificate:
    """An authority in the shape that `make_bundle` takes."""

    def __init__(self, pair):
        self._pair = pair

    def fingerprint(self, _):
        return bytes.fromhex(fingerprint(self._pair.certificate))

    def public_bytes(self, _):
        return self._pair.certificate


@pytest.fixture
def open_folder():
    """A folder that all users may enter; pytest's own is for its user alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def site(tmp_path, open_folder, monkeypatch):
    """A site whose SuperLink is healthy and lets its key in; nothing runs yet."""
    signer = authority()
    said = {"admission": Admission.LET_IN}
    monkeypatch.setattr(
        "client.node.activation.try_admission", lambda *_, **__: said["admission"]
    )
    with superlink(tmp_path, server_pair(signer)) as port:
        folder = make_bundle(
            tmp_path / "hospital-a",
            authority=_Certificate(signer),
            address=f"127.0.0.1:{port}",
        )
        make_node_key(folder, comment="x")
        path = open_folder / "run" / "site.sock"
        path.parent.mkdir()
        node_config_path(folder).write_text(node_config_text(f"unix:{path}"))
        with socket.socket(socket.AF_UNIX) as custodian:
            custodian.bind(str(path))
            custodian.listen()
            yield folder, said, custodian


def _of(findings, subject):
    (found,) = [one for one in findings if one.subject == subject]
    return found


def _look(site, policy=None):
    return list(site_findings(site[0].root, policy))


def test_site_that_only_has_to_start_its_node(site):
    """All is well but for that."""
    findings = _look(site)

    bad = {one.subject: one for one in findings if one.level is not Level.OK}
    assert set(bad) == {"node", "policy"}
    assert bad["node"].text == "The key is let in, and the node does not run."
    assert "enable --now fedstill-node" in bad["node"].remedy
    assert "--policy FILE" in bad["policy"].remedy


def test_bundle_that_was_changed_ends_it(site):
    """Nothing in it is believed then."""
    folder = site[0]
    folder.authority.write_bytes(authority().certificate)

    (finding,) = _look(site)

    assert (finding.subject, finding.level) == ("bundle", Level.ERROR)
    assert "SHA-256" in finding.text


def test_other_version_is_told(site):
    """Another protocol would be refused."""
    path = site[0].bundle
    text = path.read_text()
    path.write_text(text.replace('fedstill = "0', 'fedstill = "9'))

    finding = _of(_look(site), "versions")

    assert finding.level is Level.WARNING
    assert "the coordinator has Fedstill 9" in finding.text


def test_key_that_others_can_read(site):
    """They could answer in the site's name."""
    site[0].key.chmod(0o644)

    finding = _of(_look(site), "key")

    assert finding.level is Level.ERROR
    assert "mode 0644" in finding.text


def test_key_that_is_not_there(site):
    """The remedy makes it."""
    site[0].key.unlink()

    assert "fedstill site join" in _of(_look(site), "key").remedy


def test_key_that_is_refused(site):
    """Not admitted, revoked, or still online: Flower does not tell them apart."""
    site[1]["admission"] = Admission.REFUSED

    finding = _of(_look(site), "node")

    assert finding.level is Level.ERROR
    for word in ("not admitted", "revoked", "counted as online"):
        assert word in finding.text
    assert "fedstill deploy status" in finding.remedy


def test_key_without_an_answer(site):
    """Not known is a warning, never ok."""
    site[1]["admission"] = Admission.NO_ANSWER

    assert _of(_look(site), "node").level is Level.WARNING


def test_running_node_is_left_alone(site):
    """It would be taken off the SuperLink by a try; that it runs is answer enough."""
    site[1]["admission"] = Admission.REFUSED
    path = lock_path(site[0])
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        young = _of(_look(site), "node")
        a_minute_ago = time.time() - 60
        os.utime(path, (a_minute_ago, a_minute_ago))
        old = _of(_look(site), "node")

    assert (young.level, old.level) == (Level.WARNING, Level.OK)
    assert "was let in" in old.text


def test_key_is_not_tried_where_the_superlink_is_out_of_reach(site, monkeypatch):
    """One fault is enough."""
    monkeypatch.setattr(doctor, "network_findings", _unreachable)

    finding = _of(_look(site), "node")

    assert finding.level is Level.WARNING
    assert "was not tried" in finding.text


def _unreachable(superlink):
    return network_findings(
        type(superlink)(address="127.0.0.1:1", authority=superlink.authority, renew="x")
    )


def test_custodian_that_does_not_listen(site):
    """Its own log says why."""
    site[2].close()

    finding = _of(_look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "fedstill-site" in finding.remedy


def test_node_that_does_not_know_its_custodian(site):
    """`site join` writes it."""
    node_config_path(site[0]).write_text(node_config_text(""))

    finding = _of(_look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "site join" in finding.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's key needs root")
@pytest.mark.parametrize("closed", ["folder", "socket"])
def test_socket_that_the_nodes_user_cannot_reach(site, open_folder, closed):
    """Named is the first place that it may not pass."""
    folder = site[0]
    os.chown(folder.key, 1, 1)  # daemon's, whose group is not the socket's
    path = open_folder / "run" / "site.sock"
    path.chmod(0o777)
    assert _of(_look(site), "custodian").level is Level.OK
    (path.parent if closed == "folder" else path).chmod(0o750)

    finding = _of(_look(site), "custodian")

    assert finding.level is Level.ERROR
    assert "daemon, who runs the node, may not pass" in finding.text
    assert "[socket] group" in finding.remedy


def test_policy_shows_ledger_and_budget(site, tmp_path):
    """For the custodian's user; no private example is read."""
    from tests.client.owner.support import write_policy  # noqa: PLC0415

    (tmp_path / "custodian").mkdir()
    policy = write_policy(tmp_path / "custodian")

    findings = _look(site, policy)

    assert _of(findings, "policy").level is Level.OK
    assert any(one.subject == "ledger" for one in findings)


def test_policy_that_cannot_be_read(site, tmp_path):
    """Whoever may not read it is told who may."""
    finding = _of(_look(site, tmp_path / "none.toml"), "policy")

    assert finding.level is Level.ERROR
    assert "As the custodian's user" in finding.remedy
