"""A site that dies anywhere: one charge, one release, and the same bytes after it."""

import sqlite3

import pytest

from client import rounds
from client.storage.outbox import Outbox
from client.storage.store import Store
from client.training import dp_sgd
from client.training.random_stream import OperatingSystemRandomness
from common.privacy.ledger import Ledger
from tests.client.support import (
    RUN_ID,
    Spy,
    answer_rounds,
    finish_request,
    hello,
    make_data,
    make_plan,
    make_site,
    reason_of,
    round_request,
)


class _Killed(BaseException):
    """Not an Exception, so that the site cannot answer any more."""


def kill_at(monkeypatch, name, *, visit=1):
    visits = []

    def failpoint(reached):
        visits.append(reached)
        if visits.count(name) == visit and reached == name:
            raise _Killed

    for module in (rounds, dp_sgd):
        monkeypatch.setattr(module, "failpoint", failpoint)


def run_to_the_end(folder):
    site = make_site(folder)
    replies = [reply.to_envelope().to_bytes() for reply in answer_rounds(site)]
    replies.append(site.answer(finish_request()).to_bytes())
    return replies, site.student_bytes(RUN_ID)


POINTS = [
    "site.after-reserve",
    "site.mid-step",
    "site.before-commit",
    "site.after-commit",
]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("visit", [1, 2, 3])
def test_killed_site_resumes_to_the_same_bytes(tmp_path, monkeypatch, point, visit):
    """Killed anywhere and asked again, a seeded site ends as if nothing happened."""
    (tmp_path / "straight").mkdir()
    (tmp_path / "killed").mkdir()
    expected = run_to_the_end(tmp_path / "straight")

    with monkeypatch.context() as patch:
        kill_at(patch, point, visit=visit)
        with pytest.raises(_Killed):
            run_to_the_end(tmp_path / "killed")
    found = run_to_the_end(tmp_path / "killed")

    assert found == expected
    ledger = Store(tmp_path / "killed" / "ledger.sqlite").ledger("ward-7")
    # A plan, three charges with their settlements, and the end of the plan.
    assert ledger.entry_count() == 1 + 2 * len(ledger.events()) + 1 == 8
    assert all(ledger.reservation(RUN_ID, number).is_settled for number in (1, 2, 3))


@pytest.mark.parametrize("point", POINTS[:-1])
def test_retry_before_the_commit_starts_from_the_named_weights(
    tmp_path, monkeypatch, point
):
    """Before the commit nothing is visible but the charge, which is made once."""
    site = make_site(tmp_path)
    site.answer(hello())
    before = site.student_bytes(RUN_ID)
    with monkeypatch.context() as patch:
        kill_at(patch, point)
        with pytest.raises(_Killed):
            site.answer(round_request())

    restarted = make_site(tmp_path)
    store = Store(tmp_path / "ledger.sqlite")
    reservation = store.ledger("ward-7").reservation(RUN_ID, 1)
    row = store.student("ward-7", RUN_ID)

    assert restarted.student_bytes(RUN_ID) == before
    assert reservation.weights_sha256 == row.weights_sha256
    assert not reservation.is_settled
    restarted.answer(round_request())
    assert len(store.ledger("ward-7").events()) == 1
    assert store.ledger("ward-7").reservation(RUN_ID, 1).is_settled


def test_settlement_names_the_stored_weights_and_reply(tmp_path):
    """What the ledger settled is what the store holds and the outbox sends."""
    site = make_site(tmp_path)
    site.answer(hello())
    reply = site.answer(round_request())

    store = Store(tmp_path / "ledger.sqlite")
    reservation = store.ledger("ward-7").reservation(RUN_ID, 1)
    stored_sha256 = store.student("ward-7", RUN_ID).weights_sha256
    assert reservation.new_weights_sha256 == stored_sha256, (
        "Rule 1: the settlement is for other weights than the stored ones."
    )
    assert reservation.reply_sha256 == reply.sha256, (
        "Rule 1: the settlement is for another reply than the sent one."
    )


def test_no_private_row_is_read_for_a_reply_that_was_committed(tmp_path, monkeypatch):
    """Killed after the commit, the reply comes from the outbox."""
    site = make_site(tmp_path, randomness=OperatingSystemRandomness())
    site.answer(hello())
    with monkeypatch.context() as patch:
        kill_at(patch, "site.after-commit")
        with pytest.raises(_Killed):
            site.answer(round_request())
    weights = site.student_bytes(RUN_ID)
    spy = Spy(make_data())

    reply = make_site(tmp_path, data=spy).answer(round_request())

    assert reason_of(reply) is None
    assert spy.rows_read == 0
    assert site.student_bytes(RUN_ID) == weights


@pytest.mark.parametrize(
    ("owner", "method"), [(Outbox, "put"), (Ledger, "settle"), (Store, "advance")]
)
def test_weights_reply_and_settlement_become_visible_together(
    tmp_path, monkeypatch, owner, method
):
    """If any of the three cannot be written, none of them is."""
    site = make_site(tmp_path)
    site.answer(hello())
    before = site.student_bytes(RUN_ID)

    def fail(*args, **kwargs):
        raise sqlite3.OperationalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, fail)
        refused = site.answer(round_request())

    ledger = Store(tmp_path / "ledger.sqlite").ledger("ward-7")
    assert reason_of(refused) == "ledger-unavailable"
    assert site.student_bytes(RUN_ID) == before
    assert not ledger.reservation(RUN_ID, 1).is_settled
    assert reason_of(site.answer(round_request())) is None
    assert len(ledger.events()) == 1


def test_weights_are_not_visible_before_the_settlement(tmp_path, monkeypatch):
    """Another connection sees old weights up to the moment of the settlement."""
    site = make_site(tmp_path)
    site.answer(hello())
    before = site.student_bytes(RUN_ID)
    seen = []
    settle = Ledger.settle

    def watch(self, *args, **kwargs):
        settle(self, *args, **kwargs)
        other = Store(tmp_path / "ledger.sqlite")
        seen.append(other.student("ward-7", RUN_ID).weights)
        other.close()

    monkeypatch.setattr(Ledger, "settle", watch)
    site.answer(round_request())

    assert seen == [before], "Rule 1: weights are durable before their settlement."
    assert site.student_bytes(RUN_ID) != before


def test_abandoned_round_stays_charged(tmp_path, monkeypatch):
    """A round that was reserved and never asked again counts as spent."""
    site = make_site(tmp_path)
    site.answer(hello())
    with monkeypatch.context() as patch:
        kill_at(patch, "site.mid-step")
        with pytest.raises(_Killed):
            site.answer(round_request(1))

    restarted = make_site(tmp_path)
    restarted.answer(round_request(2))

    ledger = Store(tmp_path / "ledger.sqlite").ledger("ward-7")
    assert len(ledger.events()) == 2, "Rule 1: an abandoned reservation was refunded."
    assert not ledger.reservation(RUN_ID, 1).is_settled
    assert reason_of(restarted.answer(round_request(1))) == "reply-purged"


def test_killed_hello_leaves_nothing_or_everything(tmp_path, monkeypatch):
    """Plan and initial weights are committed together."""
    site = make_site(tmp_path)

    def fail(*args, **kwargs):
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit_plan", fail)
        with pytest.raises(_Killed):
            site.answer(hello())

    restarted = make_site(tmp_path)
    assert reason_of(restarted.answer(round_request())) == "unknown-run"
    assert reason_of(restarted.answer(hello(make_plan(seed=9)))) is None
    assert reason_of(restarted.answer(round_request())) is None


def test_tampered_weights_stop_the_run(tmp_path):
    """Weights that are not those that their row names are not used."""
    site = make_site(tmp_path)
    site.answer(hello())
    connection = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    connection.execute("UPDATE students SET weights = x'00'")

    assert reason_of(site.answer(round_request())) == "ledger-unavailable"
