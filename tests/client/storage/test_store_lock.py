"""One custodian a ledger."""

import os
import signal
import time

import pytest

from client.storage.store_lock import store_lock
from common.errors import LedgerUnavailableError
from tests.rules import naming

_TWICE = "Rule 1: two custodians spend one budget."


@pytest.fixture
def path(tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    ledger.touch()
    return ledger


def test_a_second_custodian_does_not_start(path):
    """The message names the ledger and the process that holds it."""
    with (
        store_lock(path),
        naming(_TWICE),
        pytest.raises(LedgerUnavailableError) as caught,
        store_lock(path),
    ):
        pass

    assert str(caught.value) == (
        f"Ledger {path} is held by another custodian, process {os.getpid()}. Two on "
        "one ledger would spend one budget twice. The custodian does not start. End "
        "the other one first."
    )


def test_another_name_of_the_ledger_is_the_same_lock(path, monkeypatch):
    """A symbolic link, a link to the folder, a relative path."""
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    folder = path.parent / "folder"
    folder.symlink_to(path.parent)
    monkeypatch.chdir(path.parent)

    with store_lock(path):
        for name in (link, folder / path.name, path.relative_to(path.parent)):
            with (
                naming(_TWICE),
                pytest.raises(LedgerUnavailableError, match="is held by another"),
                store_lock(name),
            ):
                pass


def test_a_hard_link_is_refused(path):
    """It has a lock, and a journal, of its own."""
    path.with_name("second.sqlite").hardlink_to(path)

    with (
        naming(_TWICE),
        pytest.raises(LedgerUnavailableError, match="has a second name"),
        store_lock(path),
    ):
        pass


def test_it_is_let_go_at_the_end(path):
    """Whatever ended it; a ledger that is not there yet is locked like any other."""
    new = path.with_name("new.sqlite")
    with pytest.raises(ZeroDivisionError), store_lock(new):
        raise ZeroDivisionError

    with store_lock(new), store_lock(path):
        pass


def test_a_killed_custodian_leaves_no_lock(path):
    """The kernel lets go of it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        with store_lock(path):
            os.write(write_end, b"!")
            time.sleep(60)
        os._exit(0)
    assert os.read(read_end, 1) == b"!"
    with pytest.raises(LedgerUnavailableError, match=f"process {child}"):
        store_lock(path).__enter__()

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    with store_lock(path):
        pass


def test_a_lock_that_cannot_be_made_is_told_in_words(tmp_path):
    """A folder that is missing."""
    with (
        pytest.raises(LedgerUnavailableError, match=r"sqlite\.lock cannot be opened"),
        store_lock(tmp_path / "missing" / "ledger.sqlite"),
    ):
        pass
