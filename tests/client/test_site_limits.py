"""What the owner's limits keep out, before anything is charged."""

from __future__ import annotations

import dataclasses
import sqlite3

import numpy as np
import pytest

from client.storage.store import Store
from common.errors import DataError, LedgerRolledBackError, LedgerUnavailableError
from common.messages import HelloReply, RoundReply
from common.privacy.ledger import Ledger
from common.recipes import DistillationRecipe
from common.weights import to_bytes
from tests.client.support import (
    RUN_ID,
    Spy,
    finish_request,
    hello,
    make_data,
    make_plan,
    make_policy,
    make_site,
    reason_of,
    round_request,
)


def events(folder):
    return Store(folder / "ledger.sqlite").ledger("ward-7").events()


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"runs": ("study-*", "other")}, "run-not-allowed"),
        ({"runs": ()}, "run-not-allowed"),
        ({"most_rounds": 2}, "plan-not-allowed"),
        ({"runs": ("other", "run-?")}, None),
        ({"most_rounds": 3}, None),
    ],
)
def test_runs_and_rounds_are_the_owners_to_name(tmp_path, policy, reason):
    """Patterns of run ids, and the number of rounds."""
    site = make_site(tmp_path, policy=make_policy(**policy))

    assert reason_of(site.answer(hello())) == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"rounds": 10**9},
        {"steps_per_round": 10**12},
        {"steps_per_round": 50_000, "sampling_probability": 1.0},
        {"run_id": "r" * 1000},
        {"seed": 10**30},
        {
            "distillation": DistillationRecipe(
                epochs=10**9, learning_rate=1e-2, batch_size=8
            )
        },
        {
            "distillation": DistillationRecipe(
                epochs=1, learning_rate=1e-2, batch_size=10**30
            )
        },
    ],
)
def test_absurd_plan_is_refused(tmp_path, changes):
    """No request keeps a site busy for days."""
    refused = make_site(tmp_path).answer(hello(make_plan(**changes)))

    assert reason_of(refused) == "plan-not-allowed"


def test_examples_are_labelled_so_often_over_all_runs(tmp_path):
    """The limit is the dataset id's, and refuses before it charges."""
    spy = Spy(make_data())
    policy = make_policy(most_queries=1)
    site = make_site(tmp_path, policy=policy, data=spy)
    site.answer(hello())
    first = round_request(1, indices=np.array([3, 4], np.int32))
    assert reason_of(site.answer(first)) is None
    assert reason_of(site.answer(first)) is None  # from the outbox: no further label
    rows_read, charges = spy.rows_read, len(events(tmp_path))

    site.answer(hello(make_plan(run_id="run-2")))
    again = round_request(1, run_id="run-2", indices=np.array([4, 5], np.int32))
    reason = reason_of(site.answer(again))

    assert reason == "query-limit", "Rule 9: a limit of queries does not hold."
    assert (spy.rows_read, len(events(tmp_path))) == (rows_read, charges), (
        "Rule 9: a query beyond the limit is charged or worked on."
    )
    fresh = round_request(1, run_id="run-2", indices=np.array([5, 6], np.int32))
    assert reason_of(site.answer(fresh)) is None


def test_finish_labels_nothing_and_is_not_limited(tmp_path):
    """A site that was asked enough still learns from the consensus."""
    site = make_site(tmp_path, policy=make_policy(most_queries=1))
    site.answer(hello())
    site.answer(round_request())

    assert reason_of(site.answer(finish_request())) is None


def test_policy_made_tighter_stops_a_run_under_way(tmp_path):
    """A restart under a tighter policy is obeyed; what was answered is repeated."""
    site = make_site(tmp_path)
    site.answer(hello())
    first = site.answer(round_request(1)).to_bytes()
    tighter = make_site(tmp_path, policy=make_policy(least_noise_multiplier=2.5))

    assert reason_of(tighter.answer(round_request(2))) == "plan-not-allowed"
    assert len(events(tmp_path)) == 1
    assert tighter.answer(round_request(1)).to_bytes() == first
    assert reason_of(tighter.answer(finish_request())) is None


def test_ledger_that_was_set_back_is_refused(tmp_path):
    """The server knows of a longer ledger than the one here: nothing is answered."""
    spy = Spy(make_data())
    site = make_site(tmp_path, data=spy)
    site.answer(hello())
    entries = RoundReply.from_envelope(site.answer(round_request(1))).ledger_entries
    rows_read = spy.rows_read

    refused = site.answer(round_request(2, ledger_entries=entries + 1))

    assert reason_of(refused) == "ledger-rolled-back", (
        "Rule 1: a ledger that was set back is charged again."
    )
    assert spy.rows_read == rows_read
    assert len(events(tmp_path)) == 1
    assert reason_of(site.answer(round_request(2, ledger_entries=entries))) is None


def test_stated_entries_are_those_after_the_reply(tmp_path):
    """Settlement and end of the plan count, or a rollback could lose them unseen."""
    site = make_site(tmp_path)
    ledger = Store(tmp_path / "ledger.sqlite").ledger("ward-7")

    stated = HelloReply.from_envelope(site.answer(hello())).ledger_entries
    assert stated == ledger.entry_count()
    for request in (round_request(1), round_request(2), finish_request(2)):
        reply = RoundReply.from_envelope(site.answer(request))
        assert reply.ledger_entries == ledger.entry_count()


def test_what_the_server_knows_of_the_ledger_is_no_other_question(tmp_path):
    """A request that is repeated after a resume gets the same bytes."""
    site = make_site(tmp_path)
    site.answer(hello())
    first = site.answer(round_request(1)).to_bytes()

    assert site.answer(round_request(1, ledger_entries=2)).to_bytes() == first


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (sqlite3.OperationalError("database or disk is full"), "ledger-unavailable"),
        (LedgerUnavailableError("/secret/path is locked."), "ledger-unavailable"),
        (LedgerRolledBackError("/secret/path was set back."), "ledger-rolled-back"),
        (RuntimeError("3 patients"), "internal-error"),
    ],
)
def test_fault_of_the_ledger_is_told_by_its_reason_alone(
    tmp_path, monkeypatch, caplog, error, reason
):
    """The words are for the owner; the site answers again once the fault is gone."""
    site = make_site(tmp_path)
    site.answer(hello())

    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "reserve", fail)
        refused = site.answer(round_request())

    assert reason_of(refused) == reason
    assert refused.fields == {"refusal": reason, "site_name": "site-00"}
    assert (str(error) in caplog.text) == (reason != "internal-error")
    assert reason_of(site.answer(round_request())) is None


class Watch:
    """A second memory of the ledger that can be told to say no."""

    def __init__(self):
        self.seen = []
        self.says_no = False

    def check(self, ledger):
        if self.says_no:
            raise LedgerRolledBackError("The ledger is behind its second head.")

    def advance(self, ledger):
        self.seen.append(ledger.entry_count())


def test_second_memory_is_asked_first_and_told_before_a_reply_leaves(tmp_path):
    """Nothing is worked on for a ledger that is behind it."""
    watch, spy = Watch(), Spy(make_data())
    site = make_site(tmp_path, data=spy, watch=watch)
    site.answer(hello())
    site.answer(round_request())
    rows_read = spy.rows_read
    watch.says_no = True

    assert reason_of(site.answer(round_request(2))) == "ledger-rolled-back"
    assert watch.seen == [1, 3]
    assert spy.rows_read == rows_read


def test_initial_weights_of_the_policy_take_the_place_of_the_seeds(tmp_path):
    """Model code and initial weights are the owner's."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    seeded = make_site(tmp_path / "one")
    seeded.answer(hello(make_plan(seed=9)))
    weights = to_bytes(seeded.released_student(RUN_ID))

    site = make_site(tmp_path / "two", policy=make_policy(initial_weights=weights))
    site.answer(hello())

    assert site.student_bytes(RUN_ID) == weights


def test_initial_weights_of_another_model_stop_the_site(tmp_path):
    """A file-level fault: the owner is told when the site starts."""
    with pytest.raises(DataError, match="not a safetensors file"):
        make_site(tmp_path, policy=make_policy(initial_weights=b"none"))


@pytest.mark.parametrize("key", ["most_rounds", "most_queries"])
def test_limit_of_nothing_is_no_policy(key):
    """Zero would be a way to write a policy that nobody reads."""
    with pytest.raises(ValueError, match=f"{key}=0 to be > 0"):
        dataclasses.replace(make_policy(), **{key: 0})
