"""`fedstill doctor` on the coordinator's machine: each fault with its remedy."""

import fcntl
import os
import socket

import pytest

from common.deployment.layout import DeploymentFolder
from common.findings import Level
from server.deployment import doctor
from server.deployment.certificates import KeyPair
from server.deployment.doctor import server_findings
from server.deployment.flower_answers import SuperLinkAwayError
from server.deployment.init import init_deployment
from server.deployment.status import DeploymentStatus, SiteState, SiteStatus
from server.deployment.superexec import is_running, run_superexec
from tests.common.doctor.servers import superlink

FEDERATION = """
name = "ward-study"
[server]
address = "127.0.0.1:{port}"
[sites]
names = ["hospital-a", "hospital-b"]
"""


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _status(*sites, unknown=()):
    return DeploymentStatus(
        federation="ward-study",
        address="here",
        sites=sites,
        unknown_nodes=unknown,
        runs=(),
        next_step="",
    )


ONLINE = SiteStatus(name="hospital-a", state=SiteState.ONLINE)


@pytest.fixture
def folder(tmp_path):
    """A new deployment, of whose services none runs."""
    federation = tmp_path / "federation.toml"
    federation.write_text(FEDERATION.format(port=_free_port()))
    init_deployment(federation, tmp_path / "ward-study")
    return DeploymentFolder(tmp_path / "ward-study")


@pytest.fixture
def running(folder, tmp_path, monkeypatch):
    """The same with everything running and one site online."""
    pair = KeyPair(
        certificate=folder.certificate.read_bytes(), key=folder.key.read_bytes()
    )
    monkeypatch.setattr(doctor, "deployment_status", lambda _: _status(ONLINE))
    monkeypatch.setattr(doctor, "is_running", lambda _: True)
    with superlink(tmp_path, pair) as port:
        text = FEDERATION.format(port=port)
        folder.federation.write_text(text)
        yield folder


def _look(folder):
    return list(server_findings(folder.root))


def _of(findings, subject):
    return [one for one in findings if one.subject == subject]


def test_running_deployment_has_nothing_to_mend(running):
    """All that it looks at is well."""
    findings = _look(running)

    assert {one.level for one in findings} == {Level.OK}
    subjects = {one.subject for one in findings}
    assert subjects >= {"federation", "files", "certificate", "disk", "TLS"}
    assert subjects >= {"SuperLink", "SuperExec", "sites", "versions", "DNS"}


def test_services_that_do_not_run_are_told(folder):
    """Each with the command that starts it."""
    bad = [one for one in _look(folder) if one.level is Level.ERROR]

    assert [one.subject for one in bad] == ["TCP", "SuperExec"]
    assert "fedstill-superlink" in bad[0].remedy
    assert "fedstill-superexec" in bad[1].remedy


def test_federation_file_that_cannot_be_used_ends_it(folder):
    """The line is that of `deploy init`."""
    folder.federation.write_text("name = 3")

    (finding,) = _look(folder)

    assert (finding.subject, finding.level) == ("federation", Level.ERROR)
    assert "deploy init" in finding.remedy


def test_secret_that_others_can_read(folder):
    """Whoever has it is taken for the SuperExec."""
    folder.superexec_secret.chmod(0o644)

    (finding,) = _of(_look(folder), "files")

    assert finding.level is Level.ERROR
    assert "mode 0644" in finding.text


def test_file_that_is_missing(folder):
    """`deploy init` makes it again."""
    folder.certificate.unlink()

    (finding,) = _of(_look(folder), "files")

    assert finding.level is Level.ERROR
    assert "deploy init" in finding.remedy


def test_certificate_without_a_new_name(folder):
    """`rotate` puts it in."""
    text = folder.federation.read_text()
    folder.federation.write_text(
        text.replace("[sites]", 'names = ["new.example"]\n[sites]')
    )

    first, *_ = _of(_look(folder), "certificate")

    assert first.level is Level.ERROR
    assert "not for new.example" in first.text
    assert "deploy rotate" in first.remedy


def test_certificates_that_end(folder, monkeypatch):
    """In time a warning, then an error; the authority's remedy is another."""
    end = doctor.end_of(folder.certificate.read_bytes())
    for days, level in ((20, Level.WARNING), (-3, Level.ERROR)):
        later = end - doctor.dt.timedelta(days=days)
        monkeypatch.setattr(doctor, "dt", _Clock(later))

        server, authority = _of(_look(folder), "certificate")

        assert server.level is level
        assert "deploy rotate" in server.remedy
        assert authority.level is Level.OK
        monkeypatch.undo()


class _Clock:
    """The module `datetime` at another time."""

    def __init__(self, now):
        self.datetime = self
        self.UTC = None
        self._now = now

    def now(self, _):
        return self._now


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
    monkeypatch.setattr(doctor, "deployment_status", lambda _: _status(ONLINE, site))

    well, finding = _of(_look(running), "sites")

    assert well.level is Level.OK
    assert finding.level is Level.WARNING
    assert finding.text == f"hospital-b: {state}."
    assert remedy in finding.remedy


def test_every_state_has_a_remedy_but_online():
    """None is forgotten."""
    assert set(doctor._REMEDIES) == set(SiteState) - {SiteState.ONLINE}


def test_node_of_nobody(running, monkeypatch):
    """It should not be there."""
    status = _status(ONLINE, unknown=("17",))
    monkeypatch.setattr(doctor, "deployment_status", lambda _: status)

    (finding,) = _of(_look(running), "nodes")

    assert finding.level is Level.WARNING
    assert "unregister 17" in finding.remedy


def test_superlink_that_does_not_answer_the_command(running, monkeypatch):
    """Healthy, and yet it does not answer: its log says why."""

    def away(_):
        raise SuperLinkAwayError("The SuperLink does not answer.")

    monkeypatch.setattr(doctor, "deployment_status", away)

    (finding,) = _of(_look(running), "sites")

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
