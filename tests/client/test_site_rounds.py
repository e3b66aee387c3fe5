"""Rounds: digest, revisit, label, release; the outbox; malformed requests."""

import numpy as np
import pytest
import torch

from client.storage.store import Store
from common.codec import CODECS, decode
from common.envelope import Envelope, MessageKind
from common.messages import RoundReply
from common.prediction import accuracy
from common.recipes import DistillationRecipe
from tests.client.support import (
    NUM_CLASSES,
    RUN_ID,
    Spy,
    answer_rounds,
    finish_request,
    hello,
    make_consensus,
    make_data,
    make_plain_plan,
    make_plan,
    make_policy,
    make_site,
    make_transfer_set,
    reason_of,
    round_request,
)


def test_round_is_answered_with_soft_labels(tmp_path):
    """The reply holds one row on the simplex for each example asked."""
    (reply,) = answer_rounds(make_site(tmp_path), 1)

    soft_labels = decode(
        reply.soft_labels,
        CODECS["float32"],
        num_classes=NUM_CLASSES,
        temperature=1.0,
        transfer_set_id=reply.transfer_set_id,
        indices=np.arange(1, 7, dtype=np.int32),
    )
    assert len(soft_labels) == 6
    assert reply.run_id == RUN_ID
    assert reply.round_number == 1
    assert reply.transfer_set_id == make_transfer_set().content_id
    assert not reply.budget_exhausted
    assert reply.ledger_entries == 3, "Rule 5: the site counted its examples."


def test_reply_holds_nothing_but_the_schema(tmp_path):
    """No count, histogram, accuracy or loss has a place in a reply."""
    site = make_site(tmp_path)
    site.answer(hello())

    for request in (round_request(), finish_request()):
        reply = site.answer(request)
        assert set(reply.arrays) == {"soft_labels"}
        assert set(reply.fields) == {
            "run_id",
            "round_number",
            "transfer_set_id",
            "budget_exhausted",
            "ledger_entries",
        }, "Rule 5: a reply holds more than soft labels and public facts."


def test_every_private_round_changes_the_student(tmp_path):
    """Each round's reply comes from new weights."""
    site = make_site(tmp_path)
    site.answer(hello())
    seen = {site.student_bytes(RUN_ID)}

    for number in (1, 2, 3):
        site.answer(round_request(number))
        seen.add(site.student_bytes(RUN_ID))

    assert len(seen) == 4


def test_consensus_is_digested(tmp_path):
    """A consensus of one class moves the student's answers towards it."""
    plan = make_plan(
        distillation=DistillationRecipe(epochs=30, learning_rate=1e-2, batch_size=8)
    )
    site = make_site(tmp_path)
    site.answer(hello(plan))
    indices = np.arange(30, dtype=np.int32)
    logits = np.tile(8.0 * np.eye(NUM_CLASSES)[3], (30, 1))

    site.answer(
        finish_request(
            consensus_indices=indices, consensus=make_consensus(indices, logits)
        )
    )

    student = site.released_student(RUN_ID)
    inputs = make_transfer_set().inputs
    assert accuracy(student, inputs, np.full(30, 3)) == 1.0


def test_same_request_gets_the_same_bytes_and_no_new_work(tmp_path):
    """A repeated request is answered from the outbox, also after a restart."""
    site = make_site(tmp_path)
    site.answer(hello())
    first = site.answer(round_request()).to_bytes()
    weights = site.student_bytes(RUN_ID)
    spy = Spy(make_data())
    restarted = make_site(tmp_path, data=spy)

    second = restarted.answer(round_request()).to_bytes()

    assert second == first, "Rule 1: a repeated request did not get the same bytes."
    assert spy.rows_read == 0, "Rule 1: a repeated request was answered anew."
    assert restarted.student_bytes(RUN_ID) == weights
    assert RoundReply.from_envelope(Envelope.from_bytes(second)).ledger_entries == 3


def test_reply_of_an_earlier_round_is_replayed(tmp_path):
    """The outbox keeps more than the last reply."""
    site = make_site(tmp_path)
    first, _, _ = answer_rounds(site)

    again = site.answer(round_request(1))

    assert again.to_bytes() == first.to_envelope().to_bytes()


@pytest.mark.parametrize("make", [round_request, finish_request])
def test_changed_request_is_refused(tmp_path, make):
    """Another question under an answered key would be a second release."""
    site = make_site(tmp_path)
    site.answer(hello())
    site.answer(make(3))

    other = np.arange(4, dtype=np.int32)
    refused = site.answer(
        make(3, consensus_indices=other, consensus=make_consensus(other))
    )

    assert reason_of(refused) == "request-changed", (
        "Rule 1: a second question was answered on one charge."
    )


def test_purged_reply_is_refused_and_never_recomputed(tmp_path):
    """What was dropped from the outbox is gone."""
    spy = Spy(make_data())
    site = make_site(tmp_path, data=spy)
    answer_rounds(site, 1)
    store = Store(tmp_path / "ledger.sqlite")
    store.outbox("ward-7").purge(RUN_ID)
    before = spy.rows_read

    refused = site.answer(round_request())

    assert reason_of(refused) == "reply-purged", (
        "Rule 1: a purged reply was made a second time."
    )
    assert spy.rows_read == before


def test_round_before_the_last_answered_one_is_refused(tmp_path):
    """A site that skipped a round does not go back to it."""
    site = make_site(tmp_path)
    site.answer(hello())
    site.answer(round_request(2))

    assert reason_of(site.answer(round_request(1))) == "reply-purged"


def test_finish_digests_without_private_data_and_closes_the_run(tmp_path):
    """At finish no private row is read, nothing is labelled, no round follows."""
    spy = Spy(make_data())
    site = make_site(tmp_path, data=spy)
    answer_rounds(site, 2)
    rows_read, weights = spy.rows_read, site.student_bytes(RUN_ID)

    reply = RoundReply.from_envelope(site.answer(finish_request()))

    assert reply.is_finish
    assert reply.soft_labels.shape == (0, NUM_CLASSES)
    assert spy.rows_read == rows_read
    assert site.student_bytes(RUN_ID) != weights
    assert reason_of(site.answer(round_request(3))) == "plan-not-allowed"
    assert reason_of(site.answer(finish_request(2))) == "plan-not-allowed"


def test_finish_is_replayed(tmp_path):
    """A repeated finish gets the same bytes and leaves the student alone."""
    site = make_site(tmp_path)
    answer_rounds(site)
    first = site.answer(finish_request()).to_bytes()
    weights = site.student_bytes(RUN_ID)

    assert site.answer(finish_request()).to_bytes() == first
    assert site.student_bytes(RUN_ID) == weights


def test_unknown_run_is_refused(tmp_path):
    """No hello, no round."""
    assert reason_of(make_site(tmp_path).answer(round_request())) == "unknown-run"


def _indices(*values):
    return np.array(values, np.int32)


def _off_the_simplex():
    return np.zeros((2, NUM_CLASSES), np.float32)


MALFORMED = {
    "round zero": {"round_number": 0},
    "round beyond the plan": {"round_number": 4},
    "nothing to label": {"indices": _indices()},
    "negative index": {"indices": _indices(-1)},
    "index outside the transfer set": {"indices": _indices(30)},
    "repeated index": {"indices": _indices(3, 3)},
    "64-bit indices": {"indices": np.arange(3)},
    "indices of two axes": {"indices": np.zeros((2, 2), np.int32)},
    "consensus index outside": {
        "consensus_indices": _indices(30),
        "consensus": make_consensus(_indices(0)),
    },
    "consensus without indices": {"consensus": make_consensus(_indices(0, 1))},
    "consensus of other classes": {
        "consensus_indices": _indices(0),
        "consensus": np.full((1, 3), np.log(1 / 3), np.float32),
    },
    "consensus of another type": {
        "consensus_indices": _indices(0),
        "consensus": np.full((1, NUM_CLASSES), np.log(0.1)),
    },
    "consensus with NaN": {
        "consensus_indices": _indices(0, 1),
        "consensus": _off_the_simplex() * np.nan,
    },
    "consensus off the simplex": {
        "consensus_indices": _indices(0, 1),
        "consensus": _off_the_simplex(),
    },
    "consensus of text": {"consensus": np.array([["a"]])},
    "consensus of complex numbers": {"consensus": np.zeros((0, 10), np.complex128)},
    "text for a round": {"round_number": "1"},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_round_is_refused_before_anything_is_spent(tmp_path, changes):
    """A request that does not fit the plan costs nothing and is told so."""
    spy = Spy(make_data())
    site = make_site(tmp_path, data=spy)
    site.answer(hello())

    refused = site.answer(round_request(**changes))

    assert reason_of(refused) == "malformed-request"
    assert spy.rows_read == 0
    assert Store(tmp_path / "ledger.sqlite").ledger("ward-7").events() == []


def test_finish_with_something_to_label_is_refused(tmp_path):
    """At finish nothing is released."""
    site = make_site(tmp_path)
    site.answer(hello())

    assert reason_of(site.answer(round_request(is_finish=True))) == "malformed-request"


def test_round_without_arrays_is_refused(tmp_path):
    """An envelope without its arrays is malformed, not a crash."""
    site = make_site(tmp_path)

    refused = site.answer(Envelope(kind=MessageKind.ROUND))

    assert reason_of(refused) == "malformed-request"


def test_plain_run_learns_and_is_charged_as_infinite(tmp_path):
    """Without privacy the student fits the data, and the ledger says infinite."""
    data = make_data()
    policy = make_policy(allow_non_private=True)
    site = make_site(tmp_path, policy=policy, data=data)
    site.answer(hello(make_plain_plan(rounds=40, steps_per_round=20)))

    for number in range(1, 6):
        reply = RoundReply.from_envelope(site.answer(round_request(number)))

    assert not reply.budget_exhausted
    student = site.released_student(RUN_ID)
    assert accuracy(student, data.inputs, data.labels) > 0.9
    ledger = Store(tmp_path / "ledger.sqlite").ledger("ward-7")
    assert ledger.spent(delta=1e-3).epsilon == float("inf")


def test_private_run_with_little_noise_learns(tmp_path):
    """Private rounds at a small noise multiplier fit the data as well."""
    data = make_data()
    plan = make_plan(noise_multiplier=0.1, epsilon=1e9, steps_per_round=150)
    policy = make_policy(budget=type(make_policy().budget)(epsilon=1e9, delta=1e-3))
    site = make_site(tmp_path, policy=policy, data=data)
    site.answer(hello(plan))

    site.answer(round_request())

    assert accuracy(site.released_student(RUN_ID), data.inputs, data.labels) > 0.7


def test_two_sites_share_a_file(tmp_path):
    """Sites of a simulation share a store and nothing else."""
    first = make_site(tmp_path)
    second = make_site(
        tmp_path, policy=make_policy(dataset_id="ward-8", site_name="site-01")
    )

    (reply,) = answer_rounds(first, 1)
    (other,) = answer_rounds(second, 1)

    assert (reply.ledger_entries, other.ledger_entries) == (3, 3)
    assert first.student_bytes(RUN_ID) != second.student_bytes(RUN_ID)


def test_sites_never_touch_the_global_generator(tmp_path):
    """Hello, rounds and finish leave torch's global generator where it was."""
    before = torch.random.get_rng_state()
    site = make_site(tmp_path)
    answer_rounds(site)
    site.answer(finish_request())

    assert torch.equal(before, torch.random.get_rng_state())
