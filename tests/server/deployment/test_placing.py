"""Files and folders come with their mode, as a whole, and through nobody's link.

Root writes into folders that the services' user owns.
"""

import os
import stat
from pathlib import Path

import pytest

from server.deployment.placing import (
    SECRET,
    account_of,
    closed_folder_above,
    make_folder,
    place,
)

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


@pytest.fixture
def path(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "file"


def test_content_is_replaced_and_a_change_is_told(path):
    """True for a new file and for another content."""
    told = [place(path, content) for content in (b"a", b"a", b"b")]

    assert told == [True, False, True]
    assert path.read_bytes() == b"b"
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_mode_is_there_before_the_content(path, monkeypatch):
    """A secret is never open, not for a moment; an old file's mode does not count."""
    path.write_text("old")
    path.chmod(0o666)
    seen = []
    real = os.fchmod

    def fchmod(number, mode):
        seen.append((stat.S_IMODE(os.fstat(number).st_mode), os.fstat(number).st_size))
        real(number, mode)

    monkeypatch.setattr(os, "fchmod", fchmod)

    place(path, b"secret", mode=SECRET)

    assert seen == [(SECRET, 0)]
    assert stat.S_IMODE(path.stat().st_mode) == SECRET


@pytest.mark.parametrize("name", ["file", ".file.partial"])
def test_link_is_replaced_and_not_followed(path, victim, name):
    """Neither in the file's place nor in that of the one beside it."""
    path.with_name(name).symlink_to(victim)

    assert place(path, b"new") is True

    assert victim.read_text() == "precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


def test_link_that_comes_at_the_last_moment_is_not_followed(path, victim, monkeypatch):
    """Whoever owns the folder can be quicker than root, and gains nothing."""
    real = Path.unlink

    def unlink(one, *, missing_ok=False):
        real(one, missing_ok=missing_ok)
        one.symlink_to(victim)

    monkeypatch.setattr(Path, "unlink", unlink)

    with pytest.raises(FileExistsError):
        place(path, b"new")

    assert victim.read_text() == "precious"
    assert not path.exists()


def test_failed_write_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    """As on a full disk."""
    path.write_text("old")

    def fsync(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(OSError, match="No space"):
        place(path, b"new")

    assert path.read_text() == "old"
    assert [one.name for one in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("before", [None, 0o700, 0o777])
def test_folder_gets_its_mode(tmp_path, before):
    """Whether it is there or not."""
    path = tmp_path / "a" / "b"
    if before is not None:
        path.mkdir(parents=True)
        path.chmod(before)

    make_folder(path, mode=0o750)

    assert stat.S_IMODE(path.stat().st_mode) == 0o750


def test_outermost_closed_folder_is_named(tmp_path, monkeypatch):
    """What is above it is open, what is below does not matter."""
    closed = tmp_path / "closed"
    below = closed / "also" / "file"
    below.parent.mkdir(parents=True)
    below.parent.chmod(0o700)
    monkeypatch.setattr(
        type(tmp_path), "parents", property(lambda _: (below.parent, closed))
    )
    closed.chmod(0o700)
    assert closed_folder_above(below) == closed

    closed.chmod(0o711)
    assert closed_folder_above(below) == below.parent

    below.parent.chmod(0o701)
    assert closed_folder_above(below) is None


def test_user_that_is_not_there_has_no_numbers():
    """And root has these."""
    root = account_of("root")

    assert root is not None
    assert (root.uid, root.gid) == (0, 0)
    assert account_of("no-such-user-here") is None
