"""`fedstill doctor` on a site: what only the custodian's user may see."""

import os

import pytest

from client.node import doctor_policy
from client.owner.policy_file import load_policy_file
from client.owner.status import ledger_report
from common.doctor import access
from common.findings import Level
from tests.client.custodian.support import door
from tests.client.node.doctor_site import look, of, point
from tests.client.owner.support import opened, play, write_policy


@pytest.fixture
def policy(tmp_path):
    """The custodian's, with a state folder of its own."""
    (tmp_path / "custodian" / "state").mkdir(parents=True, mode=0o700)
    return write_policy(tmp_path / "custodian")


def test_policy_shows_ledger_and_budget(site, policy):
    """For the custodian's user; no private example is read, no file left."""
    state = policy.parent / "state"

    findings = look(site, policy)

    subjects = [one.subject for one in findings]
    assert {"policy", "transfer set", "ledger", "disk"} <= set(subjects)
    mine = ("policy", "transfer set", "ledger", "disk")
    assert {one.level for one in findings if one.subject in mine} == {Level.OK}
    assert list(state.iterdir()) == []


def test_budget_that_is_spent(site, policy):
    """A warning: runs are still digested and labelled."""
    with opened(policy) as one:
        play(one)
    spent = ledger_report(load_policy_file(policy)).counted.epsilon
    tight = write_policy(policy.parent, budget={"epsilon": spent / 2, "delta": 1e-3})

    found = [one for one in look(site, tight) if "is left" in one.text]

    assert [one.level for one in found] == [Level.WARNING]
    assert "epsilon 0 is left" in found[0].text
    assert "no private data are read" in found[0].remedy


def test_ledger_that_the_serving_custodian_holds(site, policy):
    """As it should be: not even a warning."""
    with opened(policy) as served, door(served) as custodian:
        custodian.ask()
        point(site[0], custodian.endpoint.socket)

        found = [one for one in look(site, policy) if one.subject == "ledger"]

    assert {one.level for one in found} == {Level.OK}
    assert any("custodian that serves has it" in one.text for one in found)


def test_ledger_that_is_held_while_nobody_answers(site, policy, tmp_path):
    """Perhaps by a second custodian: its owner should look."""
    point(site[0], tmp_path / "none.sock")
    with opened(policy):
        found = [one for one in look(site, policy) if one.subject == "ledger"]

    (held,) = [one for one in found if one.level is not Level.OK]
    assert held.level is Level.WARNING
    assert "a second one does not start" in held.remedy


def test_ledger_that_cannot_be_believed(site, policy):
    """Told, and not mended."""
    ledger = policy.parent / "state" / "ledger.sqlite"
    ledger.write_bytes(b"garbage" * 100)

    bad = [one for one in look(site, policy) if one.level is Level.ERROR]

    assert [one.subject for one in bad] == ["ledger"]
    assert "Restore the newest copy" in bad[0].remedy
    assert ledger.read_bytes() == b"garbage" * 100


def test_state_that_cannot_be_synced(site, policy, monkeypatch):
    """A charge that a power cut takes back would be no charge."""

    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)

    bad = [one for one in look(site, policy) if one.level is Level.ERROR]

    assert {one.subject for one in bad} == {"ledger", "disk"}
    assert "local disk" in bad[0].remedy


def test_policy_of_another_user(site, policy, monkeypatch):
    """Not even root reads it: it would be told to take the file from its owner."""
    monkeypatch.setattr(doctor_policy, "own_name", lambda: "somebody")
    monkeypatch.setattr(doctor_policy, "owner_name", lambda _: "fedstill-site")

    finding = of(look(site, policy), "policy")

    assert finding.level is Level.WARNING
    assert "belongs to fedstill-site" in finding.text
    assert finding.remedy.startswith("sudo -u fedstill-site fedstill doctor")


def test_state_of_another_user_is_left_alone(site, policy, monkeypatch):
    """A lock file of root's would shut the custodian out."""
    state = policy.parent / "state"
    with opened(policy):
        pass
    (state / "ledger.sqlite.lock").unlink()
    before = sorted(state.iterdir())
    real = access.owner_name
    monkeypatch.setattr(
        doctor_policy,
        "owner_name",
        lambda path: "fedstill-site" if path == state else real(path),
    )

    finding = of(look(site, policy), "ledger")

    assert finding.level is Level.WARNING
    assert "sudo -u fedstill-site" in finding.remedy
    assert sorted(state.iterdir()) == before


def test_policy_that_is_not_there(site, tmp_path):
    """The remedy says how it is asked for."""
    finding = of(look(site, tmp_path / "none.toml"), "policy")

    assert finding.level is Level.ERROR
    assert "As the custodian's user" in finding.remedy
