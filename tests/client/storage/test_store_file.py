"""How a store's file is opened: durably, beside a custodian, never half made."""

import contextlib
import os
import signal
import stat

import pytest

from client.storage.store import Durability, Store
from common.errors import LedgerUnavailableError
from tests.client.support import RUN_ID, make_plan
from tests.common.privacy import ledgers

DATASET = "ward-7"


def _pragma(store, name):
    return store.connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_commit_of_a_custodian_survives_a_power_cut(tmp_path):
    """With DELETE the journal's name may come back and undo a commit."""
    store = Store(tmp_path / "x.sqlite")

    assert _pragma(store, "synchronous") == 2
    assert _pragma(store, "journal_mode") == "truncate", (
        "Rule 1: a power cut may undo a commit."
    )
    assert _pragma(store, "trusted_schema") == 0
    store.close()


def test_a_new_ledger_is_for_its_owner_only(tmp_path):
    """Whatever the umask says: it holds the key of the data's fingerprint."""
    before = os.umask(0)
    try:
        Store(tmp_path / "x.sqlite").close()
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "x.sqlite").stat().st_mode) == 0o600


def test_a_ledger_that_could_not_be_made_leaves_no_file(tmp_path, monkeypatch):
    """Killed or failed half-way, the next start makes it anew."""

    def fail(_connection):
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr("client.storage.store_file.ledger_schema.create", fail)
        with pytest.raises(LedgerUnavailableError, match="No space left"):
            Store(path)

    assert list(tmp_path.iterdir()) == []
    Store(path).close()


def test_a_reader_works_while_a_custodian_writes(tmp_path):
    """Status, report and export need neither the lock nor write access."""
    path = tmp_path / "x.sqlite"
    custodian = Store(path)
    custodian.open_run(DATASET, make_plan(), b"weights")
    ledgers.fill(custodian.ledger(DATASET))
    reader = Store(path, read_only=True)

    with custodian.transaction():
        ledgers.commit(custodian.ledger(DATASET), "run-b")
        assert reader.ledger(DATASET).entry_count() == 5
        assert reader.student(DATASET, RUN_ID).weights == b"weights"
    assert reader.ledger(DATASET).entry_count() == 6

    reader.close()
    custodian.close()


def test_a_reader_writes_nothing(tmp_path):
    """Not even tables that are not there yet."""
    path = tmp_path / "x.sqlite"
    Store(path).close()
    before = path.read_bytes()
    reader = Store(path, read_only=True)

    assert reader.ledger("somebody").entry_count() == 0
    assert reader.fingerprint("somebody") is None
    reader.close()
    assert path.read_bytes() == before


def test_a_ledger_remembers_what_it_verified(tmp_path):
    """The same object for the same dataset id."""
    store = Store(tmp_path / "x.sqlite", durability=Durability.OFF)

    assert store.ledger("a") is store.ledger("a")
    assert store.ledger("a") is not store.ledger("b")
    store.close()


def test_a_reader_cannot_undo_a_commit_that_was_interrupted(tmp_path):
    """It says so, and the next custodian can."""
    path = tmp_path / "x.sqlite"
    with contextlib.closing(Store(path)) as store:
        store.open_run(DATASET, make_plan(), b"weights")
    child = os.fork()
    if child == 0:
        store = Store(path)
        store.connection.execute("PRAGMA cache_size = 1")  # writes before the commit
        store.connection.execute("BEGIN IMMEDIATE")
        for number in range(200):
            store.fingerprint_key(f"{number}")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)

    with pytest.raises(LedgerUnavailableError, match="a commit was interrupted"):
        Store(path, read_only=True)
    Store(path).close()

    with contextlib.closing(Store(path, read_only=True)) as reader:
        assert reader.student(DATASET, RUN_ID).weights == b"weights"
        assert reader.fingerprint("1") is None
