"""Store and outbox: rows that can be believed, transactions that hold."""

import sqlite3
import threading

import pytest

from client.refusal import RequestRefusedError
from client.storage.store import Durability, Store
from common.envelope import MessageKind
from common.errors import LedgerCorruptedError
from tests.client.support import RUN_ID, make_plan


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "ledger.sqlite", durability=Durability.OFF)
    yield opened
    opened.close()


def test_student_is_stored_with_its_plan(store):
    """Plan and weights come back as they went in, before the first round."""
    plan = make_plan()

    store.open_run("ward-7", plan, b"weights")

    row = store.student("ward-7", RUN_ID)
    assert row.plan == plan
    assert row.last_round == 0
    assert row.weights == b"weights"


def test_plan_without_privacy_survives_the_disk(store):
    """An infinite epsilon comes back infinite."""
    plan = make_plan(
        mechanism=type(make_plan().mechanism).NONE,
        epsilon=float("inf"),
        noise_multiplier=0.0,
    )

    store.open_run("ward-7", plan, b"")

    assert store.student("ward-7", RUN_ID).plan == plan


def test_opening_a_run_twice_keeps_the_student(store):
    """A repeated hello does not reset what was trained."""
    store.open_run("ward-7", make_plan(), b"first")
    store.advance(
        "ward-7", store.student("ward-7", RUN_ID), last_round=1, weights=b"trained"
    )

    store.open_run("ward-7", make_plan(), b"second")

    assert store.student("ward-7", RUN_ID).weights == b"trained"


def test_unknown_run_has_no_student(store):
    """Another run or another dataset id finds nothing."""
    store.open_run("ward-7", make_plan(), b"weights")

    assert store.student("ward-8", RUN_ID) is None
    assert store.student("ward-7", "another") is None


def test_advance_from_stale_weights_is_refused(store):
    """Two processes cannot both answer the same round."""
    store.open_run("ward-7", make_plan(), b"weights")
    before = store.student("ward-7", RUN_ID)
    store.advance("ward-7", before, last_round=1, weights=b"one")

    with pytest.raises(LedgerCorruptedError, match="changed while a round was worked"):
        store.advance("ward-7", before, last_round=1, weights=b"other")

    assert store.student("ward-7", RUN_ID).weights == b"one"


def test_transaction_rolls_back_whole(store):
    """An exception inside leaves nothing behind."""

    def fail_inside():
        with store.transaction():
            store.open_run("ward-7", make_plan(), b"weights")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()

    assert store.student("ward-7", RUN_ID) is None


def test_concurrent_transactions_wait_for_each_other(store, tmp_path):
    """A second writer of the same file waits instead of failing."""
    other = Store(tmp_path / "ledger.sqlite", durability=Durability.OFF)

    def write():
        with other.transaction():
            other.open_run("ward-8", make_plan(), b"")

    thread = threading.Thread(target=write)
    with store.transaction():
        thread.start()
        thread.join(timeout=0.2)
        assert thread.is_alive()
    thread.join()

    assert store.student("ward-8", RUN_ID) is not None
    other.close()


@pytest.mark.parametrize(("durability", "level"), [("OFF", 0), ("FULL", 2)])
def test_durability_is_sqlites(tmp_path, durability, level):
    """Simulations survive a kill, custodians a power cut."""
    opened = Store(tmp_path / "x.sqlite", durability=Durability(durability))

    assert opened.connection.execute("PRAGMA synchronous").fetchone() == (level,)
    opened.close()


def test_default_durability_is_full(tmp_path):
    """Nobody gets the weaker one by forgetting."""
    opened = Store(tmp_path / "x.sqlite")

    assert opened.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    opened.close()


def test_fingerprint_key_is_made_once(store, tmp_path):
    """The key is random, kept, and each dataset id has its own."""
    key = store.fingerprint_key("ward-7")

    again = Store(tmp_path / "ledger.sqlite").fingerprint_key("ward-7")

    assert len(key) == 32
    assert again == key
    assert store.fingerprint_key("ward-8") != key


def test_reply_is_found_under_its_key_alone(store):
    """Run, kind and round are the key, the request's hash the lock."""
    outbox = store.outbox("ward-7")
    outbox.put(RUN_ID, MessageKind.ROUND, 3, request_sha256="a", reply=b"reply")

    assert outbox.find(RUN_ID, MessageKind.ROUND, 3, "a") == b"reply"
    assert outbox.find(RUN_ID, MessageKind.ROUND, 2, "a") is None
    assert outbox.find(RUN_ID, MessageKind.FINISH, 3, "a") is None
    assert outbox.find("another", MessageKind.ROUND, 3, "a") is None
    assert store.outbox("ward-8").find(RUN_ID, MessageKind.ROUND, 3, "a") is None


def test_other_request_under_an_answered_key_is_refused(store):
    """Same key and another hash is a changed request."""
    outbox = store.outbox("ward-7")
    outbox.put(RUN_ID, MessageKind.ROUND, 3, request_sha256="a", reply=b"reply")

    with pytest.raises(
        RequestRefusedError, match=r"^The request is refused: request-changed\.$"
    ):
        outbox.find(RUN_ID, MessageKind.ROUND, 3, "b")


def test_second_reply_under_a_key_is_impossible(store):
    """The table itself holds one reply a key."""
    outbox = store.outbox("ward-7")
    outbox.put(RUN_ID, MessageKind.ROUND, 3, request_sha256="a", reply=b"reply")

    with pytest.raises(sqlite3.IntegrityError):
        outbox.put(RUN_ID, MessageKind.ROUND, 3, request_sha256="a", reply=b"other")


def test_purged_reply_stays_answered(store):
    """After a purge the key is refused, not free."""
    outbox = store.outbox("ward-7")
    outbox.put(RUN_ID, MessageKind.ROUND, 3, request_sha256="a", reply=b"reply")

    outbox.purge(RUN_ID)

    with pytest.raises(RequestRefusedError, match="reply-purged"):
        outbox.find(RUN_ID, MessageKind.ROUND, 3, "a")
