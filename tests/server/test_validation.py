"""Whatever a site sends, it is believed only after every check."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, MetricRecord, RecordDict

from common.codec import CODECS, FLOAT16, FLOAT32, LOGIT, Codec, encode
from common.envelope import Envelope, MessageKind
from common.messages import (
    HelloReply,
    Refusal,
    RefusalReason,
    RoundReply,
)
from common.records import RAW, from_record, to_record
from server.exchange import Exchange
from server.planning import make_run_plan
from server.replies import Answer, Rejection, RejectionReason, Reply
from server.requests import reply_limit
from server.validation import Asked, check_hello_reply, check_round_reply
from tests.server.fake_grid import FakeClock, FakeGrid, Says
from tests.server.sites import HonestSite, honest_labels, small_config, small_parts

INDICES = np.array([1, 5, 9, 30], np.int32)
PLAN = make_run_plan(small_config(), small_parts().transfer, num_classes=3)
Reason = RejectionReason
LOGIT8 = CODECS["logit-8"]


def asked_for(codec: Codec = FLOAT32) -> Asked:
    return Asked(
        run_id=PLAN.run_id,
        round_number=3,
        transfer_set_id=PLAN.transfer_set_id,
        indices=INDICES,
        num_classes=3,
        temperature=PLAN.temperature,
        codec=codec,
    )


def honest(codec: Codec = FLOAT32) -> RoundReply:
    labels = honest_labels("site-07", 3, INDICES, PLAN)
    return RoundReply(
        run_id=PLAN.run_id,
        round_number=3,
        transfer_set_id=PLAN.transfer_set_id,
        soft_labels=encode(labels, codec),
        budget_exhausted=False,
        ledger_entries=3,
    )


def answer_to(said: Says, asked: Asked) -> Answer:
    """Sends what a node says through the exchange, as a run would."""
    clock = FakeClock()
    grid = FakeGrid({7: lambda _: said}, clock)
    exchange = Exchange(grid, clock=clock.now, sleep=clock.sleep)
    request = Envelope(kind=MessageKind.ROUND)
    arrivals = exchange.ask({7: request}, deadline=10.0, max_bytes=reply_limit(asked))
    return arrivals[7].answer


def checked(said: Says, codec: Codec = FLOAT32) -> Reply | Rejection:
    asked = asked_for(codec)
    return check_round_reply(answer_to(said, asked), site_name="site-07", asked=asked)


def with_payload(payload: np.ndarray) -> RecordDict:
    return to_record(replace(honest(), soft_labels=payload).to_envelope())


def with_array(
    data: bytes,
    stype: str = RAW,
    dtype: str = "float32",
    shape: tuple[int, ...] = (4, 3),
) -> RecordDict:
    record = to_record(honest().to_envelope())
    array = Array(dtype=dtype, shape=shape, stype=stype, data=data)
    record["arrays"] = ArrayRecord({"soft_labels": array})
    return record


def with_fields(**changes: object) -> RecordDict:
    """Changes fields; None removes one."""
    record = to_record(honest().to_envelope())
    fields = {**dict(record["fields"].items()), **changes}
    kept = {name: value for name, value in fields.items() if value is not None}
    record["fields"] = ConfigRecord(kept)  # type: ignore[arg-type]
    return record


def with_arrays(**arrays: np.ndarray) -> RecordDict:
    record = to_record(honest().to_envelope())
    record["arrays"] = ArrayRecord(
        {
            name: Array(str(one.dtype), one.shape, RAW, one.tobytes())
            for name, one in arrays.items()
        }
    )
    return record


def changed(row: int, column: int, value: float) -> np.ndarray:
    payload = honest().soft_labels.copy()
    payload[row, column] = value
    return payload


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, soft_labels=honest().soft_labels)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def hello_reply(**changes: object) -> HelloReply:
    reply = HonestSite("site-07").hello(PLAN)
    return replace(reply, **changes)  # type: ignore[arg-type]


HONEST = honest().soft_labels

MALFORMED: list[tuple[str, Says, Reason, str]] = [
    (
        "a class too few",
        with_payload(HONEST[:, :2]),
        Reason.WRONG_SHAPE,
        "has shape (4, 2), expected (4, 3)",
    ),
    (
        "an example too many",
        with_payload(np.vstack([HONEST, HONEST[:1]])),
        Reason.WRONG_SHAPE,
        "has shape (5, 3), expected (4, 3)",
    ),
    (
        "a flat payload",
        with_payload(HONEST.ravel()),
        Reason.WRONG_SHAPE,
        "has shape (12,), expected (4, 3)",
    ),
    (
        "a scalar payload",
        with_array(bytes(4), shape=()),
        Reason.WRONG_SHAPE,
        "has shape (), expected (4, 3)",
    ),
    (
        "no examples",
        with_payload(HONEST[:0]),
        Reason.WRONG_SHAPE,
        "has shape (0, 3), expected (4, 3)",
    ),
    (
        "transposed",
        with_payload(np.ascontiguousarray(HONEST.T)),
        Reason.WRONG_SHAPE,
        "has shape (3, 4), expected (4, 3)",
    ),
    (
        "float64",
        with_payload(HONEST.astype(np.float64)),
        Reason.WRONG_TYPE,
        "has type float64, expected float32",
    ),
    (
        "the other codec's type",
        with_payload(HONEST.astype(np.float16)),
        Reason.WRONG_TYPE,
        "has type float16, expected float32",
    ),
    (
        "another byte order",
        with_array(HONEST.astype(">f4").tobytes(), dtype=">f4"),
        Reason.MALFORMED,
        "has an array of another serialisation or type",
    ),
    (
        "complex numbers",
        with_array(HONEST.astype(np.complex64).tobytes(), dtype="complex64"),
        Reason.MALFORMED,
        "has an array of another serialisation or type",
    ),
    (
        "strings",
        with_array(np.full((4, 3), "0.3").tobytes(), dtype="<U3"),
        Reason.MALFORMED,
        "has an array of another serialisation or type",
    ),
    (
        "truths",
        with_array(np.ones((4, 3), np.bool_).tobytes(), dtype="bool"),
        Reason.MALFORMED,
        "has an array of another serialisation or type",
    ),
    (
        "objects, which only pickle carries",
        with_array(npy(np.full((4, 3), None, object)), stype="numpy.ndarray"),
        Reason.MALFORMED,
        "has an array of another serialisation or type",
    ),
    (
        "a NaN",
        with_payload(changed(2, 1, np.nan)),
        Reason.NOT_FINITE,
        "has a NaN or infinity, expected finite numbers",
    ),
    (
        "an infinity",
        with_payload(changed(0, 0, np.inf)),
        Reason.NOT_FINITE,
        "has a NaN or infinity, expected finite numbers",
    ),
    (
        "a negative infinity",
        with_payload(changed(0, 0, -np.inf)),
        Reason.NOT_FINITE,
        "has a NaN or infinity, expected finite numbers",
    ),
    (
        "probabilities where logarithms belong",
        with_payload(np.exp(HONEST)),
        Reason.OFF_SIMPLEX,
        "codec float32 allows 0.0001",
    ),
    (
        "a logarithm of 1e38",
        with_payload(changed(1, 1, 1e38)),
        Reason.OFF_SIMPLEX,
        "has a row whose probabilities sum to 1 within inf only",
    ),
    (
        "rows of zeros",
        with_payload(np.zeros((4, 3), np.float32)),
        Reason.OFF_SIMPLEX,
        "has a row whose probabilities sum to 1 within 2 only",
    ),
    (
        "a round that was",
        with_fields(round_number=2),
        Reason.WRONG_ROUND,
        "is of round 2, expected 3",
    ),
    (
        "a round to come",
        with_fields(round_number=4),
        Reason.WRONG_ROUND,
        "is of round 4, expected 3",
    ),
    (
        "another run",
        with_fields(run_id="other"),
        Reason.WRONG_RUN,
        f"is of another run, expected {PLAN.run_id}",
    ),
    (
        "another transfer set",
        with_fields(transfer_set_id="ffff"),
        Reason.WRONG_TRANSFER_SET,
        f"is on another transfer set, expected {PLAN.transfer_set_id}",
    ),
    (
        "a negative count of entries",
        with_fields(ledger_entries=-1),
        Reason.OUT_OF_RANGE,
        "has ledger_entries -1, expected at least 0",
    ),
    (
        "no arrays",
        with_arrays(),
        Reason.MALFORMED,
        "has arrays [], expected ['soft_labels']",
    ),
    (
        "an array too many",
        with_arrays(soft_labels=HONEST, weights=np.ones(3)),
        Reason.MALFORMED,
        "has arrays ['soft_labels', 'weights'], expected ['soft_labels']",
    ),
    (
        "an array of another name",
        with_arrays(logits=HONEST),
        Reason.MALFORMED,
        "has arrays ['logits'], expected ['soft_labels']",
    ),
    (
        "a missing field",
        with_fields(round_number=None),
        Reason.MALFORMED,
        "has fields ['budget_exhausted', 'ledger_entries', 'run_id', 'transfer_",
    ),
    (
        "a weight that the site reports",
        with_fields(num_examples=10_000),
        Reason.MALFORMED,
        "'num_examples'",
    ),
    (
        "a name of any length",
        with_fields(**{"x" * 5000: 1}),
        Reason.MALFORMED,
        "...",
    ),
    (
        "a string where a number belongs",
        with_fields(round_number="3"),
        Reason.MALFORMED,
        "has round_number of str, expected int",
    ),
    (
        "a fraction where a whole number belongs",
        with_fields(round_number=3.0),
        Reason.MALFORMED,
        "has round_number of float, expected int",
    ),
    (
        "a number where a truth belongs",
        with_fields(budget_exhausted=0),
        Reason.MALFORMED,
        "has budget_exhausted of int, expected bool",
    ),
    (
        "bytes as a field",
        with_fields(run_id=b"small"),
        Reason.MALFORMED,
        "has a field run_id that is no scalar",
    ),
    (
        "a list as a field",
        with_fields(round_number=[3]),
        Reason.MALFORMED,
        "has a field round_number that is no scalar",
    ),
    ("garbage", with_array(b"garbage"), Reason.MALFORMED, "do not fill its shape"),
    ("an empty array", with_array(b""), Reason.MALFORMED, "do not fill its shape"),
    (
        "an array cut short",
        with_array(HONEST.tobytes()[:-5]),
        Reason.MALFORMED,
        "do not fill its shape",
    ),
    ("a pickle", with_array(b"\x80\x04N."), Reason.MALFORMED, "do not fill its"),
    ("a zip of arrays", with_array(npz()), Reason.MALFORMED, "do not fill its"),
    (
        "a shape that promises terabytes",
        with_array(HONEST.tobytes(), shape=(999_999_999, 333)),
        Reason.MALFORMED,
        "do not fill its shape",
    ),
    (
        "another serialization",
        with_array(HONEST.tobytes(), stype="pickle"),
        Reason.MALFORMED,
        "has an array of another serialisation or type",
    ),
    (
        "no content",
        RecordDict(),
        Reason.MALFORMED,
        "has records [], expected [arrays, fields]",
    ),
    (
        "a record too many",
        RecordDict({**dict(to_record(honest().to_envelope())), "more": ConfigRecord()}),
        Reason.MALFORMED,
        "has records ['arrays', 'fields', 'more'], expected [arrays, fields]",
    ),
    (
        "records of other types",
        RecordDict({"arrays": ArrayRecord(), "fields": MetricRecord({"a": 1})}),
        Reason.MALFORMED,
        "has records of other types",
    ),
    (
        "a huge payload",
        with_payload(np.zeros((4000, 300), np.float32)),
        Reason.TOO_LARGE,
        "bytes, expected at most 65584",
    ),
    (
        "a hello",
        hello_reply().to_envelope(),
        Reason.WRONG_KIND,
        "is of kind query.hello, expected train.distill",
    ),
    (
        "a hello's content in a round's message",
        to_record(hello_reply().to_envelope()),
        Reason.MALFORMED,
        "has arrays [], expected ['soft_labels']",
    ),
    (
        "a finish",
        replace(honest(), is_finish=True).to_envelope(),
        Reason.WRONG_KIND,
        "is of kind train.finish, expected train.distill",
    ),
    (
        "a refusal without a known reason",
        RecordDict(
            {
                "arrays": ArrayRecord(),
                "fields": ConfigRecord({"refusal": "mood", "site_name": "site-07"}),
            }
        ),
        Reason.MALFORMED,
        "is malformed: A refusal for no known reason",
    ),
    (
        "a refusal beside soft labels",
        with_fields(refusal="internal-error"),
        Reason.MALFORMED,
        "has arrays ['soft_labels'], expected []",
    ),
    (
        "a refusal whose reason is a number",
        RecordDict(
            {
                "arrays": ArrayRecord(),
                "fields": ConfigRecord({"refusal": 3, "site_name": "site-07"}),
            }
        ),
        Reason.MALFORMED,
        "has refusal of int, expected str",
    ),
    (
        "an app that cannot be loaded",
        Error(1, "secret"),
        Reason.APP_NOT_LOADED,
        "is an error of code 1 (its app could not be loaded)",
    ),
    (
        "an app that raised",
        Error(2, "<class 'ValueError'>:<'patient 17'>"),
        Reason.APP_FAILED,
        "is an error of code 2 (its app raised an exception)",
    ),
    (
        "a node that has gone",
        Error(5, "secret"),
        Reason.SITE_UNAVAILABLE,
        "is an error of code 5 (its node is not connected)",
    ),
    (
        "an app that was killed",
        Error(8, "secret"),
        Reason.APP_STOPPED,
        "is an error of code 8 (its app stopped responding)",
    ),
    (
        "an error that Flower may add",
        Error(99, None),
        Reason.UNKNOWN_ERROR,
        "is an error of code 99 (for an unknown reason)",
    ),
]


@pytest.mark.parametrize(
    ("said", "reason", "problem"),
    [pytest.param(*case, id=name) for name, *case in MALFORMED],
)
def test_malformed_replies_are_dropped_with_their_reason(
    said: Says, reason: Reason, problem: str
) -> None:
    """Each kind is rejected with its reason and the consequence, on one line."""
    rejection = checked(said)

    assert isinstance(rejection, Rejection)
    assert rejection.reason is reason
    assert rejection.site_name == "site-07"
    assert rejection.detail.startswith("Reply of site-07 ")
    assert problem in rejection.detail
    assert rejection.detail.endswith(". Reply dropped for round 3.")
    assert "\n" not in rejection.detail
    assert len(rejection.detail) < 400


def test_the_whole_message_of_a_wrong_shape() -> None:
    """A message names sender, value, what is allowed and the consequence."""
    rejection = checked(with_payload(HONEST[:, :2]))

    assert isinstance(rejection, Rejection)
    assert rejection.detail == (
        "Reply of site-07 has shape (4, 2), expected (4, 3). Reply dropped for round 3."
    )


@pytest.mark.parametrize("code", range(10))
def test_texts_of_errors_never_reach_the_log(code: int) -> None:
    """Flower passes on exception texts; they may hold private values."""
    rejection = checked(Error(code, "patient 17"))

    assert isinstance(rejection, Rejection)
    assert "patient" not in rejection.detail


def test_names_from_the_wire_lose_control_characters() -> None:
    """A field name cannot forge a line of the log."""
    rejection = checked(with_fields(**{"a\nround 3 is fine\x1b[2J": 1}))

    assert isinstance(rejection, Rejection)
    assert rejection.detail.isprintable()


@pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))
def test_an_honest_reply_is_accepted(codec: Codec) -> None:
    """The soft labels come back as they were sent, within the codec's tolerance."""
    tolerance = 0.1 if codec.dtype == np.uint8 else 1e-3
    reply = checked(honest(codec).to_envelope(), codec)

    assert isinstance(reply, Reply)
    assert reply.soft_labels.indices.tolist() == INDICES.tolist()
    expected = honest_labels("site-07", 3, INDICES, PLAN).probabilities
    assert np.allclose(reply.soft_labels.probabilities, expected, atol=tolerance)


def test_a_negative_probability_is_dropped() -> None:
    """float16 carries probabilities, and a negative one is none."""
    payload = honest(FLOAT16).soft_labels.copy()
    payload[0, 0] = -0.25

    rejection = checked(replace(honest(), soft_labels=payload).to_envelope(), FLOAT16)

    assert isinstance(rejection, Rejection)
    assert rejection.reason is Reason.OFF_SIMPLEX
    assert "has a negative probability" in rejection.detail


@pytest.mark.parametrize(
    ("codec", "payload", "reason", "problem"),
    [
        (LOGIT, np.full((4, 3), 1e4, np.float32), Reason.OUT_OF_RANGE, "a logit of"),
        (LOGIT, np.full((4, 3), np.inf, np.float32), Reason.NOT_FINITE, "infinity"),
        (LOGIT8, np.zeros(17, np.uint8), Reason.WRONG_SHAPE, "expected (16,)"),
        (LOGIT8, np.zeros(16, np.float32), Reason.WRONG_TYPE, "expected uint8"),
        (LOGIT8, np.full(16, 255, np.uint8), Reason.OUT_OF_RANGE, "has scale nan"),
        (LOGIT8, np.zeros(16, np.uint8), Reason.OUT_OF_RANGE, "has scale 0 and a code"),
    ],
)
def test_hostile_logits_are_dropped(
    codec: Codec, payload: np.ndarray, reason: Reason, problem: str
) -> None:
    """What no honest site packs has one of the closed reasons, like everything else."""
    rejection = checked(replace(honest(), soft_labels=payload).to_envelope(), codec)

    assert isinstance(rejection, Rejection)
    assert rejection.reason is reason
    assert problem in rejection.detail


@pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))
def test_the_size_limit_follows_the_codec(codec: Codec) -> None:
    """A packed reply may not be as large as a float32 one."""
    overhead = reply_limit(replace(asked_for(codec), indices=INDICES[:0]))

    grows_by = reply_limit(asked_for(codec)) - overhead

    assert grows_by == codec.payload_bytes(4, 3) - codec.payload_bytes(0, 3)


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_refusal_keeps_its_reason(reason: RefusalReason) -> None:
    """A site's no is a rejection that says which no."""
    refusal = Refusal(kind=MessageKind.ROUND, site_name="site-07", reason=reason)

    rejection = checked(refusal.to_envelope())

    assert isinstance(rejection, Rejection)
    assert rejection.reason is Reason.REFUSED
    assert rejection.refusal is reason
    assert rejection.label == f"refused: {reason.value}"
    assert rejection.detail == (
        f"Reply of site-07 is a refusal ({reason.value}). Reply dropped for round 3."
    )


def test_an_honest_hello_is_believed() -> None:
    """A site that fits the plan takes part."""
    said = from_record(to_record(hello_reply().to_envelope()), MessageKind.HELLO)

    reply = check_hello_reply(said, plan=PLAN)

    assert isinstance(reply, HelloReply)
    assert reply.site_name == "site-07"


@pytest.mark.parametrize(
    ("changes", "reason", "problem"),
    [
        ({"site_name": ""}, Reason.INVALID_SITE_NAME, "site name"),
        ({"site_name": "a\nb"}, Reason.INVALID_SITE_NAME, "site name"),
        ({"site_name": "../site"}, Reason.INVALID_SITE_NAME, "site name"),
        ({"site_name": "a" * 65}, Reason.INVALID_SITE_NAME, "site name"),
        ({"has_transfer_set": False}, Reason.WRONG_TRANSFER_SET, "without"),
        (
            {"num_classes": 10},
            Reason.WRONG_NUM_CLASSES,
            "has 10 classes, expected 3",
        ),
        (
            {"epsilon": 4.5},
            Reason.OUT_OF_RANGE,
            "has epsilon 4.5, expected it in [0, 4]",
        ),
        ({"epsilon": math.inf}, Reason.OUT_OF_RANGE, "has epsilon inf"),
        ({"epsilon": math.nan}, Reason.OUT_OF_RANGE, "has epsilon nan"),
        ({"epsilon": -1.0}, Reason.OUT_OF_RANGE, "has epsilon -1"),
        ({"epsilon": 0.0}, Reason.OUT_OF_RANGE, "for 3 private rounds"),
        ({"delta": 0.5}, Reason.OUT_OF_RANGE, "has delta 0.5"),
        ({"rounds": 4}, Reason.OUT_OF_RANGE, "has rounds 4, expected it in [0, 3]"),
        ({"nominal_examples": 0}, Reason.OUT_OF_RANGE, "has nominal_examples 0"),
        ({"ledger_entries": -1}, Reason.OUT_OF_RANGE, "has ledger_entries -1"),
    ],
)
def test_a_hello_that_does_not_fit_the_plan_is_dropped(
    changes: dict[str, object], reason: Reason, problem: str
) -> None:
    """A site may spend less than the plan asks for, never more."""
    said = hello_reply(**changes).to_envelope()

    rejection = check_hello_reply(said, plan=PLAN)

    assert isinstance(rejection, Rejection)
    assert rejection.reason is reason
    assert problem in rejection.detail
    assert rejection.detail.endswith(". The site does not take part.")


def test_a_hello_that_is_none_is_dropped() -> None:
    """A round's reply to a hello, and an error, name no site."""
    for said in (honest().to_envelope(), answer_to(Error(2, "x"), asked_for())):
        rejection = check_hello_reply(said, plan=PLAN)

        assert isinstance(rejection, Rejection)
        assert rejection.site_name == "an unnamed node"


def test_a_refused_hello_names_the_site() -> None:
    """The name comes from the refusal, where it is a proper name."""
    for name, expected in (("site-01", "site-01"), ("\x1b[2J", "an unnamed node")):
        refusal = Refusal(
            kind=MessageKind.HELLO,
            site_name=name,
            reason=RefusalReason.PLAN_NOT_ALLOWED,
        )

        rejection = check_hello_reply(refusal.to_envelope(), plan=PLAN)

        assert isinstance(rejection, Rejection)
        assert rejection.site_name == expected
