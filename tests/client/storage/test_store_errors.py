"""A store that cannot write says so in words, leaves nothing half done, and goes on."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from client.storage.outbox import Outbox
from client.storage.store import Durability, Store
from client.storage.store_connection import StoreConnection, in_words
from common.envelope import MessageKind
from common.errors import (
    FedstillError,
    LedgerCorruptedError,
    LedgerRolledBackError,
    LedgerUnavailableError,
)
from tests.client.support import RUN_ID, make_plan
from tests.common.privacy import ledgers
from tests.rules import naming

DATASET = "ward-7"
WEIGHTS, TRAINED, REPLY = b"w" * 30_000, b"t" * 50_000, b"r" * 40_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


def _hello(store):
    with store.transaction():
        store.open_run(DATASET, make_plan(), WEIGHTS)
        ledger = store.ledger(DATASET)
        if ledger.plan(RUN_ID) is None:
            ledgers.commit(ledger, RUN_ID)


def _reserve(store):
    ledgers.reserve(store.ledger(DATASET), range(1, 2), RUN_ID)


def _release(store):
    before = store.student(DATASET, RUN_ID)
    if before.last_round == 1:
        return
    with store.transaction():
        store.advance(DATASET, before, last_round=1, weights=TRAINED)
        store.outbox(DATASET).put(
            RUN_ID, MessageKind.ROUND, 1, request_sha256="a", reply=REPLY
        )
        store.ledger(DATASET).settle(RUN_ID, 1, ledgers.AFTER, ledgers.REPLY)


STEPS = (_hello, _reserve, _release)


def _rows(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        lines = list(connection.iterdump())
    return [line for line in lines if not line.startswith("CREATE")]


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """What is on disk before and after each step of an undisturbed cycle."""
    file = tmp_path_factory.mktemp("states") / "ledger.sqlite"
    opened = Store(file)
    opened.outbox(DATASET)
    found = [_rows(file)]
    for step in STEPS:
        step(opened)
        found.append(_rows(file))
    opened.close()
    return found


class _Failing:
    """Makes the n-th statement from now on fail, as SQLite does on a full disk."""

    def __init__(self, monkeypatch, *, at: int, message: str) -> None:
        self.left, self.failed, self.commits = at, "", 0
        original = StoreConnection.execute

        def execute(connection, sql, parameters=()):
            self.left -= 1
            if self.left == 0:
                self.failed = sql
                error = sqlite3.OperationalError(message)
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise in_words(error, connection.path)
            result = original(connection, sql, parameters)
            self.commits += sql == "COMMIT"
            return result

        monkeypatch.setattr(StoreConnection, "execute", execute)


def _cycle_until_it_fails(store) -> tuple[int, Exception | None]:
    for number, step in enumerate(STEPS):
        try:
            step(store)
        except (FedstillError, sqlite3.Error) as error:
            return number, error
    return len(STEPS), None


def test_a_disk_that_is_full_at_any_statement_leaves_nothing_half_done(
    tmp_path, monkeypatch, states
):
    """At every statement of plan, charge and release; then there is room again."""
    seen = []
    for number in range(1, 100):
        path = tmp_path / f"{number}.sqlite"
        store = Store(path)
        store.outbox(DATASET)
        with monkeypatch.context() as patch:
            failing = _Failing(patch, at=number, message="database or disk is full")
            _, error = _cycle_until_it_fails(store)
        if error is None:
            break
        seen.append(failing.failed)
        assert isinstance(error, LedgerUnavailableError), (number, error)
        assert "the disk is full" in str(error)
        assert not store.connection.in_transaction
        assert _rows(path) == states[failing.commits], (
            f"Rule 1: statement {number} ({failing.failed}) left something half done."
        )
        assert _cycle_until_it_fails(store) == (len(STEPS), None)
        assert _rows(path) == states[-1]
        store.close()

    assert len(seen) > 20
    assert seen.count("BEGIN IMMEDIATE") == len(STEPS)
    assert seen.count("COMMIT") == len(STEPS)
    assert sum(one.startswith("INSERT INTO ledger_entries") for one in seen) == 3


def test_a_disk_with_any_number_of_free_pages_leaves_nothing_half_done(
    tmp_path, states
):
    """SQLite's own limit: the file may grow by so many pages, and no further."""
    failures = 0
    for free in range(0, 40, 3):
        path = tmp_path / f"{free}.sqlite"
        store = Store(path)
        store.outbox(DATASET)
        (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
        store.connection.execute(f"PRAGMA max_page_count = {pages + free}")

        step, error = _cycle_until_it_fails(store)

        if error is not None:
            failures += 1
            assert isinstance(error, LedgerUnavailableError)
            assert "the disk is full" in str(error)
        assert not store.connection.in_transaction
        assert _rows(path) == states[step]
        store.connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
        assert _cycle_until_it_fails(store) == (len(STEPS), None)
        assert _rows(path) == states[-1]
        store.close()

    assert 4 < failures < 14


def test_a_commit_that_fails_is_no_commit(store, path, monkeypatch):
    """Whoever asked learns of it, and nothing of it is visible."""
    before = _rows(path)
    original = StoreConnection.execute

    def execute(connection, sql, parameters=()):
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return original(connection, sql, parameters)

    monkeypatch.setattr(StoreConnection, "execute", execute)

    with (
        naming("Rule 1: a commit that failed went unnoticed."),
        pytest.raises(sqlite3.OperationalError, match="disk I/O error"),
    ):
        _hello(store)

    assert not store.connection.in_transaction
    assert _rows(path) == before


def test_a_rollback_that_fails_closes_the_file(store, path, monkeypatch):
    """The connection answers nothing more; a new one finds nothing half done."""
    before = _rows(path)
    original = StoreConnection.execute

    def execute(connection, sql, parameters=()):
        if sql in {"COMMIT", "ROLLBACK"}:
            raise sqlite3.OperationalError("disk I/O error")
        return original(connection, sql, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(StoreConnection, "execute", execute)
        with pytest.raises(sqlite3.OperationalError):
            _hello(store)

    with pytest.raises(LedgerUnavailableError, match="closed database"):
        store.ledger(DATASET).entry_count()
    assert _rows(path) == before
    again = Store(path)
    assert _cycle_until_it_fails(again) == (len(STEPS), None)
    again.close()


def test_a_full_disk_is_told_in_words(store, path):
    """What happened, what it means, what the owner can do."""
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(LedgerUnavailableError) as caught:
        _hello(store)

    assert str(caught.value) == (
        f"Ledger {path} cannot be used: the disk is full (database or disk is full). "
        "Nothing was released, and nothing is charged but what is on disk already. "
        "Make room; the same request then succeeds."
    )


def test_a_ledger_that_another_process_writes_is_told_in_words(store, path):
    """Beyond the time that a transaction waits."""
    store.connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerUnavailableError, match="another process holds it"):
        _hello(store)
    other.execute("ROLLBACK")
    _hello(store)

    assert store.ledger(DATASET).entry_count() == 1
    other.close()


def test_a_file_that_may_only_be_read_is_told_in_words(path):
    """Opened by a program that says so, or on a disk that is mounted so."""
    Store(path).close()
    store = Store(path, read_only=True)

    with pytest.raises(LedgerUnavailableError, match="it may only be read"):
        store.open_run(DATASET, make_plan(), WEIGHTS)
    store.close()


def test_a_folder_that_is_not_there_is_told_in_words(tmp_path):
    """Neither made nor guessed."""
    with pytest.raises(LedgerUnavailableError, match="No such file or directory"):
        Store(tmp_path / "missing" / "ledger.sqlite")
    with pytest.raises(LedgerUnavailableError, match="it cannot be opened"):
        Store(tmp_path / "missing" / "x.sqlite", durability=Durability.OFF)


def test_a_reader_needs_a_ledger(path):
    """Reading makes no file."""
    with pytest.raises(LedgerUnavailableError, match="There is no ledger"):
        Store(path, read_only=True)

    assert not path.exists()


def test_no_database_is_told_in_words(path):
    """Bytes that are something else."""
    path.write_bytes(b"not a database, " * 100)

    with pytest.raises(LedgerCorruptedError) as caught:
        Store(path)

    assert str(caught.value) == (
        f"{path} cannot be believed: file is not a database. Nothing is spent or "
        "released on its word. Put back the newest copy."
    )


def test_a_torn_file_is_never_taken_for_a_ledger_that_spent_less(store, path):
    """Cut off at any page, empty or with a page of zeros: refused, or as it was."""
    for step in STEPS:
        step(store)
    rows, entries = _rows(path), store.ledger(DATASET).entry_count()
    store.close()
    whole = path.read_bytes()
    pages = len(whole) // 4096
    refused = 0

    for page in range(pages):
        zeros = whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096 :]
        for torn in (whole[: page * 4096], whole[: page * 4096 + 700], zeros):
            path.write_bytes(torn)
            try:
                opened = Store(path)
            except LedgerCorruptedError:
                refused += 1
                continue
            with contextlib.closing(opened):
                try:
                    assert opened.ledger(DATASET).entry_count() == entries
                    assert opened.student(DATASET, RUN_ID).last_round == 1
                except LedgerCorruptedError:
                    refused += 1

    path.write_bytes(whole)
    assert _rows(path) == rows
    assert refused >= 2 * pages, "Rule 1: a torn ledger was believed."


def test_an_empty_file_is_no_new_ledger(path):
    """What was cut off to nothing had entries; a new ledger is made in one piece."""
    path.touch()

    with (
        naming("Rule 1: a ledger that was cut off got a new budget."),
        pytest.raises(LedgerCorruptedError, match="it is empty"),
    ):
        Store(path)


def test_tables_of_an_older_version_are_refused(path):
    """Ignored, they would be a new budget."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE ledger_reservations (dataset_id TEXT)")

    for durability in Durability:
        with pytest.raises(LedgerCorruptedError, match="made by an older version"):
            Store(path, durability=durability)


def test_a_file_that_is_exchanged_under_a_running_process_is_refused(store, path):
    """SQLite would go on reading the old one, and speak of a read-only file."""
    _hello(store)
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    _reserve(store)
    copy.replace(path)

    for use in (_hello, _reserve, _release):
        with (
            naming("Rule 1: a file that lost its name was used on."),
            pytest.raises(LedgerRolledBackError, match="was replaced by another file"),
        ):
            use(store)


def test_a_file_that_is_overwritten_under_a_running_process_is_refused(store, path):
    """The same file, the content of an older copy."""
    _hello(store)
    copy = path.read_bytes()
    _reserve(store)
    path.write_bytes(copy)

    with (
        naming("Rule 1: a ledger that was rolled back was believed."),
        pytest.raises(LedgerRolledBackError, match="had 2 entries and has 1"),
    ):
        _reserve(store)


def test_an_older_copy_between_two_processes_is_known_by_the_count(store, path):
    """What the server brings back tells a restarted custodian."""
    _hello(store)
    copy = path.read_bytes()
    _reserve(store)
    seen = store.ledger(DATASET).entry_count()
    store.close()
    path.write_bytes(copy)

    restarted = Store(path)

    with pytest.raises(LedgerRolledBackError, match="had 2 entries and has 1"):
        restarted.ledger(DATASET).require_entries(seen)
    restarted.close()


def test_a_second_answer_stays_an_error_of_integrity(store):
    """Words are for the disk; what the tables hold is the caller's business."""
    outbox = Outbox(store.connection, DATASET)
    outbox.put(RUN_ID, MessageKind.ROUND, 1, request_sha256="a", reply=b"one")

    with pytest.raises(sqlite3.IntegrityError):
        outbox.put(RUN_ID, MessageKind.ROUND, 1, request_sha256="a", reply=b"two")
