"""`fedstill doctor` of a deployment: its keys, certificates and owners."""

import pytest

from common.findings import Level
from server.deployment import doctor_files
from server.deployment.certificates import end_of
from tests.common.doctor.servers import authority, server_pair
from tests.server.deployment.doctor_deployment import look, of


def test_secret_that_others_can_read(folder):
    """Whoever has it is taken for the SuperExec."""
    folder.superexec_secret.chmod(0o644)

    (finding,) = of(look(folder), "files")

    assert finding.level is Level.ERROR
    assert "mode 0644" in finding.text


def test_file_that_is_missing(folder):
    """`deploy init` makes it again."""
    folder.certificate.unlink()

    (finding,) = of(look(folder), "files")

    assert finding.level is Level.ERROR
    assert "deploy init" in finding.remedy


def test_certificate_without_a_new_name(folder):
    """`rotate` puts it in."""
    text = folder.federation.read_text()
    folder.federation.write_text(
        text.replace("[sites]", 'names = ["new.example"]\n[sites]')
    )

    first, *_ = of(look(folder), "certificate")

    assert first.level is Level.ERROR
    assert "not for new.example" in first.text
    assert "deploy rotate" in first.remedy


def test_certificates_that_end(folder, monkeypatch):
    """In time a warning, then an error; the authority's remedy is another."""
    end = end_of(folder.certificate.read_bytes())
    for days, level in ((20, Level.WARNING), (-3, Level.ERROR)):
        later = end - doctor_files.dt.timedelta(days=days)
        monkeypatch.setattr(doctor_files, "dt", _Clock(later))

        servers, signers = of(look(folder), "certificate")

        assert servers.level is level
        assert "deploy rotate" in servers.remedy
        assert signers.level is Level.OK
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
    ("damaged", "text"),
    [
        ("certificate", "is no certificate that server.key fits"),
        ("key", "is no certificate that server.key fits"),
        ("authority", "is no certificate in PEM"),
    ],
)
def test_file_that_is_none(folder, damaged, text):
    """One line in place of a traceback, and the services are looked at all the same."""
    getattr(folder, damaged).write_text("garbage")

    findings = look(folder)

    (finding,) = of(findings, "certificate")
    assert finding.level is Level.ERROR
    assert text in finding.text
    assert "deploy rotate" in finding.remedy
    assert of(findings, "SuperExec")
    left_out = [one for one in findings if "not looked at" in one.text]
    assert len(left_out) == (damaged == "authority")


def test_certificate_of_another_authority(folder):
    """No site would connect, and it is seen before the SuperLink is started."""
    pair = server_pair(authority(), "127.0.0.1", "localhost", "::1")
    folder.certificate.write_bytes(pair.certificate)
    folder.key.write_bytes(pair.key)

    first, *_ = of(look(folder), "certificate")

    assert first.level is Level.ERROR
    assert "not signed by the federation's authority" in first.text
    assert "deploy rotate" in first.remedy


def test_folder_that_is_not_the_services_users(folder, monkeypatch):
    """Root can write there, and the units could not."""
    monkeypatch.setattr(doctor_files, "owner_name", lambda _: "somebody")

    (finding,) = of(look(folder), "owner")

    assert finding.level is Level.WARNING
    assert "server.key belongs to somebody" in finding.text
    assert "the units run as fedstill-server" in finding.text
    assert "sudo fedstill deploy init" in finding.remedy


def test_folder_below_one_that_is_closed(folder, tmp_path, monkeypatch):
    """It belongs to the services' user, who does not get there."""
    monkeypatch.setattr(doctor_files, "owner_name", lambda _: "fedstill-server")
    monkeypatch.setattr(doctor_files, "closed_folder_above", lambda _: tmp_path)

    (finding,) = of(look(folder), "owner")

    assert finding.level is Level.WARNING
    assert f"{tmp_path} cannot be entered by fedstill-server" in finding.text
    assert "move the deployment" in finding.remedy


@pytest.mark.parametrize("own", ["somebody", "fedstill-server"])
def test_files_that_this_user_may_not_read(folder, monkeypatch, own):
    """For others it was not looked at; for the services' user it is an error."""
    monkeypatch.setattr(doctor_files, "_closed_to_us", lambda _: folder.key)
    monkeypatch.setattr(doctor_files, "own_name", lambda: own)
    folder.key.chmod(0o644)

    (finding,) = of(look(folder), "files")

    if own == "somebody":
        assert finding.level is Level.WARNING
        assert "may not look at" in finding.text
        assert finding.remedy == "Run this as root or as fedstill-server."
    else:
        assert finding.level is Level.ERROR
