"""Files that are the old one or the new one."""

import pytest

from common.atomic_file import write_atomically


def test_replaces_the_whole_content(tmp_path):
    """A shorter content leaves nothing of a longer one."""
    path = tmp_path / "state"
    write_atomically(path, b"a long first content")

    write_atomically(path, b"short")

    assert path.read_bytes() == b"short"
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_old_content_is_visible_until_the_rename(tmp_path):
    """Just before the rename, a reader still sees the old content."""
    path = tmp_path / "state"
    path.write_bytes(b"old")
    seen = []

    write_atomically(path, b"new", before_rename=lambda: seen.append(path.read_bytes()))

    assert seen == [b"old"]
    assert path.read_bytes() == b"new"


def test_a_failure_before_the_rename_leaves_no_trace(tmp_path):
    """If writing fails, the old content stays and no temporary file is left."""
    path = tmp_path / "state"
    path.write_bytes(b"old")

    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new", before_rename=fail)

    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_a_missing_folder_is_not_made(tmp_path):
    """The folder must exist: a typo does not create one."""
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "state", b"new")
