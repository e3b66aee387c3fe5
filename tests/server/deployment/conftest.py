"""What the tests of a deployment share, those of the doctor above all."""

import os

import pytest

from common.deployment.layout import DeploymentFolder
from server.deployment import doctor, doctor_files
from server.deployment.certificates import KeyPair
from server.deployment.init import init_deployment
from tests.common.doctor.servers import superlink
from tests.server.deployment.doctor_deployment import (
    FEDERATION,
    ONLINE,
    free_port,
    status,
)


@pytest.fixture
def quick_disk(monkeypatch):
    """What a test writes need not outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def folder(tmp_path):
    """A new deployment, of whose services none runs."""
    federation = tmp_path / "federation.toml"
    federation.write_text(FEDERATION.format(port=free_port()))
    init_deployment(federation, tmp_path / "ward-study")
    return DeploymentFolder(tmp_path / "ward-study")


@pytest.fixture
def running(folder, tmp_path, monkeypatch):
    """The same with everything running and one site online."""
    pair = KeyPair(
        certificate=folder.certificate.read_bytes(), key=folder.key.read_bytes()
    )
    monkeypatch.setattr(doctor, "deployment_status", lambda _: status(ONLINE))
    monkeypatch.setattr(doctor, "is_running", lambda _: True)
    # As after `deploy init` by root, in a folder that all may enter.
    monkeypatch.setattr(doctor_files, "owner_name", lambda _: "fedstill-server")
    monkeypatch.setattr(doctor_files, "closed_folder_above", lambda _: None)
    with superlink(tmp_path, pair) as port:
        text = FEDERATION.format(port=port)
        folder.federation.write_text(text)
        yield folder
