"""Whether a folder can be written for good."""

import os
import shutil
import tempfile
from types import SimpleNamespace

import pytest

from common.doctor.access import own_name
from common.doctor.disk import disk_finding
from common.findings import Level


def test_folder_that_can_be_written(tmp_path):
    """And nothing is left in it."""
    finding = disk_finding(tmp_path, user="somebody")

    assert finding.level is Level.OK
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there(tmp_path):
    """One line with the way out."""
    finding = disk_finding(tmp_path / "gone", user="somebody")

    assert finding.level is Level.ERROR
    assert "No such file" in finding.text
    assert "give it to somebody" in finding.remedy


def test_disk_that_does_not_sync(tmp_path, monkeypatch):
    """A file that a power cut would take is no file."""

    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)

    finding = disk_finding(tmp_path, user="somebody")

    assert finding.level is Level.ERROR
    assert "Input/output error" in finding.text


def test_disk_that_is_nearly_full(tmp_path, monkeypatch):
    """A warning, in time."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 10**8))

    finding = disk_finding(tmp_path, user="somebody")

    assert finding.level is Level.WARNING
    assert "500 MB left" in finding.text


@pytest.mark.parametrize("is_own", [True, False])
def test_folder_that_this_user_may_not_write(tmp_path, monkeypatch, is_own):
    """An error where it is the user who has to; else it was just not looked at."""

    def closed(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", closed)

    finding = disk_finding(tmp_path, user=own_name() if is_own else "somebody")

    if is_own:
        assert finding.level is Level.ERROR
        assert "Permission denied" in finding.text
    else:
        assert finding.level is Level.WARNING
        assert "not checked" in finding.text
        assert "as somebody" in finding.remedy
