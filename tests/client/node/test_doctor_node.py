"""`fedstill doctor` on a site: the node's key, and whether it is let in."""

import fcntl
import os
import time

import pytest

from client.node import doctor, doctor_node
from client.node.activation import Admission
from client.node.site_units import NODE_UNIT
from client.node.supernode import lock_path
from common.doctor import access
from common.findings import Level
from tests.client.node.doctor_site import look, of, unreachable


def test_key_that_others_can_read(site):
    """They could answer in the site's name."""
    site[0].key.chmod(0o644)

    finding = of(look(site), "key")

    assert finding.level is Level.ERROR
    assert "mode 0644" in finding.text


def test_key_that_this_user_may_not_read(site, monkeypatch):
    """As the custodian's user: a warning, and the key is not tried either."""
    monkeypatch.setattr(doctor_node.os, "access", lambda path, _: path != site[0].key)

    findings = look(site)

    for subject in ("key", "node"):
        finding = of(findings, subject)
        assert finding.level is Level.WARNING
        assert "was not checked" in finding.text
        assert finding.remedy == f"Run this as {access.ROOT}." or (
            access.own_name() in finding.remedy
        )


def test_key_that_is_not_the_units_users(site):
    """The unit would not start, and root reads it all the same."""
    folder = site[0]
    folder.units.mkdir()
    (folder.units / NODE_UNIT).write_text("[Service]\nUser=fedstill-node\n")

    kept, finding = [one for one in look(site) if one.subject == "key"]

    assert kept.level is Level.OK
    assert finding.level is Level.WARNING
    assert f"node.key belongs to {access.own_name()}" in finding.text
    assert "fedstill-node runs the node" in finding.text
    assert "chown -R fedstill-node" in finding.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's key needs root")
def test_key_and_flowers_folder_of_two_users(site):
    """The node's user has to own both, whoever it is."""
    site[0].flower_home.mkdir()
    os.chown(site[0].flower_home, 1, 1)

    _, finding = [one for one in look(site) if one.subject == "key"]

    assert finding.level is Level.WARNING
    assert "flower belongs to daemon" in finding.text


def test_key_that_is_not_there(site):
    """The remedy makes it."""
    site[0].key.unlink()

    assert "fedstill site join" in of(look(site), "key").remedy


def test_key_that_is_refused(site):
    """Not admitted, revoked, or still online: Flower does not tell them apart."""
    site[1]["admission"] = Admission.REFUSED

    finding = of(look(site), "node")

    assert finding.level is Level.ERROR
    for word in ("not admitted", "revoked", "counted as online"):
        assert word in finding.text
    assert "fedstill deploy status" in finding.remedy


def test_key_without_an_answer(site):
    """Not known is a warning, never ok."""
    site[1]["admission"] = Admission.NO_ANSWER

    assert of(look(site), "node").level is Level.WARNING


def test_running_node_is_left_alone(site):
    """It would be taken off the SuperLink by a try; that it runs is answer enough."""
    site[1]["admission"] = Admission.REFUSED
    path = lock_path(site[0])
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        young = of(look(site), "node")
        a_minute_ago = time.time() - 60
        os.utime(path, (a_minute_ago, a_minute_ago))
        old = of(look(site), "node")

    assert (young.level, old.level) == (Level.WARNING, Level.OK)
    assert "half a minute" in young.remedy
    assert "would have ended" in old.text


def test_running_node_proves_nothing_without_its_superlink(site, monkeypatch):
    """It waits for its SuperLink, let in or not."""
    monkeypatch.setattr(doctor, "network_findings", unreachable)
    path = lock_path(site[0])
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        a_minute_ago = time.time() - 60
        os.utime(path, (a_minute_ago, a_minute_ago))

        finding = of(look(site), "node")

    assert finding.level is Level.WARNING
    assert "The node runs. Whether its key is let in was not checked" in finding.text
    assert finding.remedy == "Mend that first."


def test_key_is_not_tried_where_the_superlink_is_out_of_reach(site, monkeypatch):
    """One fault is enough."""
    monkeypatch.setattr(doctor, "network_findings", unreachable)

    finding = of(look(site), "node")

    assert finding.level is Level.WARNING
    assert "The node does not run." in finding.text
    assert "was not checked" in finding.text
