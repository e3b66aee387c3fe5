"""What this user may not look at is told, with who may."""

import os
import pwd

from common.doctor.access import not_seen, own_name, owner_name, user_name
from common.findings import Level


def test_own_files_belong_to_oneself(tmp_path):
    """By name, as the remedies have it."""
    assert owner_name(tmp_path) == own_name() == user_name(os.geteuid())
    assert user_name(0) == pwd.getpwuid(0).pw_name


def test_owner_that_cannot_be_seen(tmp_path):
    """A file that is not there has none."""
    assert owner_name(tmp_path / "none") is None


def test_user_without_a_name():
    """The number is as good for `sudo -u`."""
    assert user_name(4_123_456_789) == "4123456789"


def test_what_was_not_seen_is_a_warning(tmp_path):
    """Never ok, and the remedy names who may; root once only."""
    found = not_seen("key", tmp_path, user="fedstill-node")

    assert found.level is Level.WARNING
    assert str(tmp_path) in found.text
    assert "was not checked" in found.text
    assert found.remedy == "Run this as root or as fedstill-node."
    assert not_seen("key", tmp_path, user="root").remedy == "Run this as root."
