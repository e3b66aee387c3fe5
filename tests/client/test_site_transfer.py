"""A site without the transfer set says so, takes it, and only then commits itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from client.storage.store import Store
from client.storage.transfer_shelf import TransferShelf
from common.envelope import MessageKind
from common.messages import HelloReply
from common.transfer_messages import TransferChunk, TransferProgress
from tests.client.support import (
    Spy,
    hello,
    make_data,
    make_plan,
    make_policy,
    make_site,
    make_transfer_set,
    reason_of,
    round_request,
)

SET = make_transfer_set()


def chunk(**changes):
    values = {
        "transfer_set_id": SET.content_id,
        "first_row": 0,
        "num_rows": len(SET),
        "inputs": SET.inputs,
    }
    return TransferChunk(**(values | changes)).to_envelope()


def site_without_set(folder, **options):
    shelf = TransferShelf.on_disk(folder / "sets")
    return make_site(folder, transfer_sets=shelf, **options)


def test_nothing_is_committed_before_the_set_is_there(tmp_path):
    """Hello without a set, the set, hello again."""
    spy = Spy(make_data())
    site = site_without_set(tmp_path, data=spy)

    first = HelloReply.from_envelope(site.answer(hello()))
    assert (first.has_transfer_set, first.epsilon, first.rounds) == (False, 0.0, 0)
    assert first.ledger_entries == 0
    assert reason_of(site.answer(round_request())) == "unknown-run"

    progress = TransferProgress.from_envelope(site.answer(chunk()))
    second = HelloReply.from_envelope(site.answer(hello()))
    assert progress.is_complete
    assert (second.has_transfer_set, second.rounds) == (True, 3)
    assert spy.rows_read == 0, "Rule 9: a delivery reads private rows."
    assert reason_of(site.answer(round_request())) is None


def test_answers_are_those_of_a_site_that_had_the_set(tmp_path):
    """Where a set came from shows nowhere."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    delivered = site_without_set(tmp_path / "one")
    delivered.answer(chunk())
    given = make_site(tmp_path / "two")

    for request in (hello(), round_request(1), round_request(2)):
        expected = given.answer(request).to_bytes()
        assert delivered.answer(request).to_bytes() == expected


def test_set_that_the_policy_does_not_name_is_refused(tmp_path):
    """Neither its plan nor its rows get in."""
    policy = make_policy(transfer_set_ids=frozenset({"0" * 64}))
    site = site_without_set(tmp_path, policy=policy)

    answers = [site.answer(hello()), site.answer(chunk())]

    assert [reason_of(one) for one in answers] == ["transfer-set-mismatch"] * 2, (
        "Rule 9: a site labels what its policy does not name."
    )
    assert list((tmp_path / "sets").iterdir()) == []


def test_set_that_is_gone_stops_the_rounds_and_can_come_again(tmp_path):
    """A run goes on where it was once the set is back."""
    site = site_without_set(tmp_path)
    site.answer(chunk())
    site.answer(hello())
    for path in (tmp_path / "sets").iterdir():
        path.unlink()
    restarted = site_without_set(tmp_path)

    assert reason_of(restarted.answer(round_request())) == "transfer-set-missing"
    assert Store(tmp_path / "ledger.sqlite").ledger("ward-7").events() == []
    assert not HelloReply.from_envelope(restarted.answer(hello())).has_transfer_set
    restarted.answer(chunk())
    assert reason_of(restarted.answer(round_request())) is None


@pytest.mark.parametrize(
    "changes",
    [{"first_row": -1}, {"first_row": 1}, {"num_rows": 29}, {"first_row": "0"}],
)
def test_rows_outside_the_set_are_malformed(tmp_path, changes):
    """Nothing of a chunk is believed."""
    site = site_without_set(tmp_path)
    request = chunk()
    bad = dataclasses.replace(request, fields={**request.fields, **changes})

    assert reason_of(site.answer(bad)) == "malformed-request"
    assert reason_of(site.answer(request)) is None


@pytest.mark.parametrize(
    "inputs", [SET.inputs.astype(np.float64), SET.inputs[:0], SET.inputs.ravel()]
)
def test_rows_of_another_kind_are_malformed(tmp_path, inputs):
    """Only float32 rows are examples."""
    refused = site_without_set(tmp_path).answer(chunk(inputs=inputs))

    assert reason_of(refused) == "malformed-request"
    assert refused.kind is MessageKind.TRANSFER


def test_plan_on_an_id_that_is_none_is_refused(tmp_path):
    """No path is ever made of it."""
    plan = make_plan(transfer_set_id="../../etc/passwd")

    refused = site_without_set(tmp_path).answer(hello(plan))

    assert reason_of(refused) == "transfer-set-mismatch"
    assert reason_of(site_without_set(tmp_path).answer(round_request())) == (
        "unknown-run"
    )
