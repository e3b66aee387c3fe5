"""Messages and the envelope that they travel in."""

import dataclasses
import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError
from common.messages import (
    HelloReply,
    HelloRequest,
    Refusal,
    RefusalReason,
    RoundReply,
    RoundRequest,
)
from tests.strategies import ENVELOPES, run_plans

COUNTS = st.integers(0, 2**31)


def same(first, second):
    """Whether two envelopes hold the same, with types and shapes."""
    return (
        first.kind is second.kind
        and first.fields == second.fields
        and {key: type(value) for key, value in first.fields.items()}
        == {key: type(value) for key, value in second.fields.items()}
        and first.arrays.keys() == second.arrays.keys()
        and all(
            array.dtype == second.arrays[name].dtype
            and array.shape == second.arrays[name].shape
            and array.tobytes() == second.arrays[name].tobytes()
            for name, array in first.arrays.items()
        )
    )


@given(ENVELOPES)
def test_envelope_survives_its_bytes(envelope):
    """Kind, fields and arrays come back with their types and shapes."""
    assert same(Envelope.from_bytes(envelope.to_bytes()), envelope)


@given(ENVELOPES)
def test_bytes_are_canonical(envelope):
    """Order of names and memory layout do not show in the bytes or their hash."""
    twin = Envelope(
        kind=envelope.kind,
        arrays={
            name: np.asarray(array, order="F")
            for name, array in reversed(envelope.arrays.items())
        },
        fields=dict(reversed(envelope.fields.items())),
    )

    assert twin.to_bytes() == envelope.to_bytes()
    assert twin.sha256 == hashlib.sha256(envelope.to_bytes()).hexdigest()
    assert Envelope.from_bytes(envelope.to_bytes()).sha256 == envelope.sha256


def test_hash_knows_every_part():
    """Another kind, name, value, type or number makes another hash."""
    ones, arrays = np.ones(2, np.float32), {"a": np.ones(2, np.float32)}
    variants = [
        Envelope(kind=MessageKind.ROUND, arrays=arrays, fields={"n": 1}),
        Envelope(kind=MessageKind.FINISH, arrays=arrays, fields={"n": 1}),
        Envelope(kind=MessageKind.ROUND, arrays={"b": ones}, fields={"n": 1}),
        Envelope(kind=MessageKind.ROUND, arrays={"a": ones * 2}, fields={"n": 1}),
        Envelope(kind=MessageKind.ROUND, arrays={"a": ones[None]}, fields={"n": 1}),
        Envelope(kind=MessageKind.ROUND, arrays=arrays, fields={"n": 1.0}),
        Envelope(kind=MessageKind.ROUND, arrays=arrays, fields={"n": True}),
        Envelope(kind=MessageKind.ROUND, arrays=arrays, fields={"m": 1}),
    ]

    assert len({variant.sha256 for variant in variants}) == len(variants)


def in_header(text):
    return save({}, metadata={"envelope": text})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 8,
        b"\xff" * 64,
        save({}),
        save({}, metadata={"other": "x"}),
        in_header("not JSON"),
        in_header("[" * 100_000),
        in_header("{}"),
        in_header("7"),
        in_header(json.dumps([2, "query.hello"])),
        in_header(json.dumps([1, "query.hello", {}])),
        in_header(json.dumps([2, "query.other", {}])),
        in_header(json.dumps([2, "query.hello", 5])),
        in_header(json.dumps([2, "query.hello", [1]])),
        in_header(json.dumps([2, "query.hello", {"a": [1]}])),
        in_header(json.dumps([2, "query.hello", {"a": None}])),
        Envelope(kind=MessageKind.HELLO).to_bytes()[:-1],
        Envelope(kind=MessageKind.HELLO).to_bytes() + b"x",
    ],
)
def test_bytes_that_are_no_envelope_are_refused(content):
    """Whatever the bytes, the answer is one error and one line."""
    with pytest.raises(InvalidReplyError, match=r"^The bytes are not an envelope\.$"):
        Envelope.from_bytes(content)


@given(st.binary(max_size=200), st.data())
def test_damaged_bytes_never_raise_anything_else(noise, data):
    """Random damage is refused or still an envelope, and nothing else happens."""
    whole = Envelope(
        kind=MessageKind.ROUND,
        arrays={"a": np.ones(3, np.float32)},
        fields={"n": 1},
    ).to_bytes()
    place = data.draw(st.integers(0, len(whole)))
    damaged = whole[:place] + noise + whole[place + len(noise) :]

    try:
        result = Envelope.from_bytes(damaged)
    except InvalidReplyError:
        return
    assert isinstance(result, Envelope)


@given(run_plans())
def test_hello_request_carries_the_plan(plan):
    """The plan that arrives is the plan."""
    envelope = HelloRequest(plan=plan).to_envelope()

    assert HelloRequest.from_envelope(envelope).plan == plan


@given(
    st.builds(
        HelloReply,
        site_name=st.text(),
        software=st.text(),
        num_classes=COUNTS,
        has_transfer_set=st.booleans(),
        nominal_examples=COUNTS,
        epsilon=st.floats(0, allow_nan=False),
        delta=st.floats(0, 1),
        rounds=COUNTS,
        ledger_entries=COUNTS,
    )
)
def test_hello_reply_round_trip(reply):
    """Every public fact arrives, an infinite epsilon too."""
    arrived = HelloReply.from_envelope(
        Envelope.from_bytes(reply.to_envelope().to_bytes())
    )

    assert dataclasses.asdict(arrived) == dataclasses.asdict(reply)


def round_request(*, is_finish=False):
    return RoundRequest(
        run_id="x-1",
        round_number=3,
        indices=np.array([5, 2], np.int32),
        consensus_indices=np.array([7], np.int32),
        consensus=np.zeros((1, 10), np.float32),
        is_finish=is_finish,
    )


def round_reply(*, is_finish=False):
    return RoundReply(
        run_id="x-1",
        round_number=3,
        transfer_set_id="abc",
        soft_labels=np.zeros((2, 10), np.float16),
        budget_exhausted=True,
        ledger_entries=3,
        is_finish=is_finish,
    )


@pytest.mark.parametrize("is_finish", [False, True])
@pytest.mark.parametrize("make", [round_request, round_reply])
def test_round_messages_survive_the_wire(make, is_finish):
    """Requests and replies of a round and of the finish come back the same."""
    message = make(is_finish=is_finish)
    envelope = message.to_envelope()

    arrived = type(message).from_envelope(Envelope.from_bytes(envelope.to_bytes()))

    expected = MessageKind.FINISH if is_finish else MessageKind.ROUND
    assert envelope.kind is expected
    assert arrived.is_finish is is_finish
    assert same(arrived.to_envelope(), envelope)


def test_a_reply_holds_soft_labels_and_public_facts_only():
    """No count, loss, accuracy or histogram has a place in a reply."""
    envelope = round_reply().to_envelope()

    assert set(envelope.arrays) == {"soft_labels"}
    assert set(envelope.fields) == {
        "run_id",
        "round_number",
        "transfer_set_id",
        "budget_exhausted",
        "ledger_entries",
    }


@pytest.mark.parametrize("reason", RefusalReason)
@pytest.mark.parametrize("kind", MessageKind)
def test_refusal_round_trip(reason, kind):
    """A refusal arrives with its reason, whatever was asked."""
    refusal = Refusal(kind=kind, site_name="site-00", reason=reason)

    assert Refusal.from_envelope(refusal.to_envelope()) == refusal


def test_another_reply_is_no_refusal():
    """A reply without a refusal gives None."""
    assert Refusal.from_envelope(round_reply().to_envelope()) is None


def changed(message, **fields):
    envelope = message.to_envelope()
    return dataclasses.replace(envelope, fields={**envelope.fields, **fields})


REFUSAL = Refusal(
    kind=MessageKind.ROUND, site_name="s", reason=RefusalReason.INTERNAL_ERROR
)


@pytest.mark.parametrize(
    ("kind", "envelope", "message"),
    [
        (RoundReply, changed(round_reply(), examples=100), "has fields"),
        (
            RoundReply,
            changed(round_reply(), round_number=3.0),
            "of float, expected int",
        ),
        (
            RoundReply,
            changed(round_reply(), round_number=True),
            "of bool, expected int",
        ),
        (
            RoundReply,
            changed(round_reply(), budget_exhausted=1),
            "of int, expected bool",
        ),
        (RoundReply, Envelope(kind=MessageKind.ROUND), "has arrays []"),
        (RoundReply, Envelope(kind=MessageKind.HELLO), "of kind query.hello"),
        (RoundReply, round_request().to_envelope(), "has arrays"),
        (RoundRequest, round_reply().to_envelope(), "has arrays ['soft_labels']"),
        (RoundRequest, changed(round_request(), more=1), "has fields"),
        (HelloReply, Envelope(kind=MessageKind.HELLO), "has fields []"),
        (HelloReply, round_reply().to_envelope(), "of kind train.distill"),
        (HelloRequest, Envelope(kind=MessageKind.HELLO), "Not a run plan: Expected"),
        (HelloRequest, round_request().to_envelope(), "of kind train.distill"),
        (Refusal, changed(REFUSAL, refusal="i do not like you"), "no known reason"),
        (Refusal, changed(REFUSAL, refusal=7), "of int, expected str"),
        (Refusal, changed(REFUSAL, accuracy=0.9), "has fields"),
        (Refusal, changed(round_reply(), refusal="internal-error"), "has arrays"),
    ],
)
def test_a_message_with_another_content_is_refused(kind, envelope, message):
    """Too much, too little or another type: refused by name."""
    with pytest.raises(InvalidReplyError) as caught:
        kind.from_envelope(envelope)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "indices", [np.zeros(2, np.int64), np.zeros((2, 1), np.int32), np.zeros(2)]
)
@pytest.mark.parametrize("name", ["indices", "consensus_indices"])
def test_indices_of_another_form_are_refused(name, indices):
    """Indices are int32 of one axis."""
    envelope = round_request().to_envelope()
    wrong = dataclasses.replace(envelope, arrays={**envelope.arrays, name: indices})

    with pytest.raises(InvalidReplyError, match=f"{name} to be int32 of one axis"):
        RoundRequest.from_envelope(wrong)


def test_an_infinite_epsilon_is_a_float_on_the_wire():
    """JSON has no infinity, Python's has; what arrives is infinite."""
    envelope = Envelope(kind=MessageKind.HELLO, fields={"epsilon": math.inf})

    assert Envelope.from_bytes(envelope.to_bytes()).fields["epsilon"] == math.inf
