"""`fedstill doctor` on the coordinator's machine: each fault with its remedy."""

import fcntl
import os

import pytest

from common.findings import Level
from server.deployment import doctor
from server.deployment.flower_answers import SuperLinkAwayError
from server.deployment.status import SiteState, SiteStatus
from server.deployment.superexec import is_running, run_superexec
from tests.server.deployment.doctor_deployment import (
    ONLINE,
    look,
    of,
    status,
)


def test_running_deployment_has_nothing_to_mend(running):
    """All that it looks at is well."""
    findings = look(running)

    assert {one.level for one in findings} == {Level.OK}
    subjects = {one.subject for one in findings}
    assert subjects >= {"federation", "files", "owner", "certificate", "disk", "TLS"}
    assert subjects >= {"SuperLink", "SuperExec", "sites", "versions", "DNS"}


def test_services_that_do_not_run_are_told(folder):
    """Each with the command that starts it."""
    bad = [one for one in look(folder) if one.level is Level.ERROR]

    assert [one.subject for one in bad] == ["TCP", "SuperExec"]
    assert "fedstill-superlink" in bad[0].remedy
    assert "fedstill-superexec" in bad[1].remedy


def test_federation_file_that_cannot_be_used_ends_it(folder):
    """The line is that of `deploy init`."""
    folder.federation.write_text("name = 3")

    (finding,) = look(folder)

    assert (finding.subject, finding.level) == ("federation", Level.ERROR)
    assert "deploy init" in finding.remedy


@pytest.mark.parametrize("own", ["somebody", "fedstill-server"])
def test_superexec_that_this_user_may_not_see(folder, monkeypatch, own):
    """The same: its lock is in the services' user's folder."""

    def closed(_):
        raise PermissionError

    monkeypatch.setattr(doctor, "is_running", closed)
    monkeypatch.setattr(doctor, "own_name", lambda: own)

    (finding,) = of(look(folder), "SuperExec")

    is_own = own == "fedstill-server"
    assert finding.level is (Level.ERROR if is_own else Level.WARNING)
    assert ("chown" if is_own else "Run this as root or") in finding.remedy


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (SiteState.NOT_ADMITTED, "deploy admit hospital-b"),
        (SiteState.NEVER_CONNECTED, "fedstill doctor BUNDLE"),
        (SiteState.OFFLINE, "fedstill doctor BUNDLE"),
        (SiteState.REVOKED, "with a new key"),
        (SiteState.LEAKING, "deploy revoke hospital-b"),
        (SiteState.LOST, "deploy admit hospital-b"),
    ],
)
def test_site_that_is_not_online(running, monkeypatch, state, remedy):
    """A warning each: a run can do without it."""
    site = SiteStatus(name="hospital-b", state=state)
    monkeypatch.setattr(doctor, "deployment_status", lambda _: status(ONLINE, site))

    well, finding = of(look(running), "sites")

    assert well.level is Level.OK
    assert finding.level is Level.WARNING
    assert finding.text == f"hospital-b: {state}."
    assert remedy in finding.remedy


def test_every_state_has_a_remedy_but_online():
    """None is forgotten."""
    assert set(doctor._REMEDIES) == set(SiteState) - {SiteState.ONLINE}


def test_node_of_nobody(running, monkeypatch):
    """It should not be there."""
    found = status(ONLINE, unknown=("17",))
    monkeypatch.setattr(doctor, "deployment_status", lambda _: found)

    (finding,) = of(look(running), "nodes")

    assert finding.level is Level.WARNING
    assert "unregister 17" in finding.remedy


def test_superlink_that_does_not_answer_the_command(running, monkeypatch):
    """Healthy, and yet it does not answer: its log says why."""

    def away(_):
        raise SuperLinkAwayError("The SuperLink does not answer.")

    monkeypatch.setattr(doctor, "deployment_status", away)

    (finding,) = of(look(running), "sites")

    assert finding.level is Level.ERROR


def test_superexec_holds_a_lock_for_as_long_as_it_runs(folder, monkeypatch):
    """Flower's process inherits it, and a second one does not start."""
    held = []
    real = fcntl.flock

    def keep(descriptor, how):
        held.append(descriptor)
        real(descriptor, how)

    monkeypatch.setattr(os, "execve", lambda *_: None)
    monkeypatch.setattr(fcntl, "flock", keep)
    mask = os.umask(0o022)
    try:
        assert not is_running(folder)
        run_superexec(folder.root)
        descriptor = held[-1]
        assert os.get_inheritable(descriptor)
        assert is_running(folder)
        with pytest.raises(doctor.ConfigError, match="Another process runs the Super"):
            run_superexec(folder.root)
        os.close(descriptor)
        assert not is_running(folder)
    finally:
        os.umask(mask)
