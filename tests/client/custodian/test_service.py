"""What comes through the custodian's door, what does not, and what the owner reads."""

import threading

import grpc
import numpy as np
import pytest

from client.custodian import service
from client.custodian.protocol_pb2 import ReplyPart
from client.custodian.service import Answering
from client.custodian.wire import (
    LONGEST_DEADLINE_SECONDS,
    METHOD,
    MOST_BYTES,
    MOST_HEADER_BYTES,
    PART_BYTES,
)
from common.envelope import Envelope, MessageKind
from common.messages import RefusalReason
from tests.client.custodian.support import (
    HELLO,
    SECONDS,
    Context,
    Echo,
    Fails,
    Log,
    Refuses,
    Slow,
    content_of,
    door,
    part,
    parts_of,
)
from tests.client.support import reason_of

LABELS = Envelope(
    kind=MessageKind.ROUND,
    arrays={"soft_labels": np.zeros((10_000, 1_000), np.float16)},
    fields={"run_id": "run-1", "round_number": 3},
)
MALFORMED = grpc.StatusCode.INVALID_ARGUMENT
UNKNOWN = grpc.StatusCode.UNIMPLEMENTED
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def test_twenty_megabytes_go_there_and_back():
    """Soft labels of 10,000 examples and 1,000 classes fit, in parts of 1 MiB."""
    with door(Echo()) as custodian:
        reply = custodian.ask(LABELS)
        code, parts = custodian.call(
            part(LABELS.to_bytes()[start : start + PART_BYTES])
            for start in range(0, len(LABELS.to_bytes()), PART_BYTES)
        )

    assert reply.arrays["soft_labels"].shape == (10_000, 1_000)
    assert code is grpc.StatusCode.OK
    assert max(len(ReplyPart.FromString(one).content) for one in parts) == PART_BYTES
    assert content_of(parts) == reply.to_bytes()


def test_an_answer_is_one_line_of_the_log():
    """The owner reads who asked for what, how it ended, and how large it was."""
    with door(Echo()) as custodian:
        reply = custodian.ask(LABELS)
        (line,) = custodian.lines()

    assert line == {
        "time": "2030-01-02T03:04:05+00:00",
        "number": 1,
        "kind": "train.distill",
        "run": "run-1",
        "round": 3,
        "outcome": "answered",
        "reason": None,
        "bytes_in": len(LABELS.to_bytes()),
        "bytes_out": len(reply.to_bytes()),
        "ledger_entries": 7,
    }


def test_a_refusal_is_a_reply_and_one_line():
    """The site's reason comes through, and the owner reads it."""
    with door(Refuses()) as custodian:
        reply = custodian.ask()
        (line,) = custodian.lines()

    assert reason_of(reply) == "unknown-run"
    assert (line["outcome"], line["reason"]) == ("refused", "unknown-run")


ENDLESS = 1000  # parts of 1 MiB, far more than fit

HOSTILE = {
    "no-deadline": ({"timeout": None}, lambda: parts_of(HELLO), MALFORMED),
    "deadline of years": (
        {"timeout": LONGEST_DEADLINE_SECONDS + 100},
        lambda: parts_of(HELLO),
        MALFORMED,
    ),
    "empty-request": ({}, list, MALFORMED),
    "empty part": ({}, lambda: [part(b"")] * 3, MALFORMED),
    "version-mismatch": (
        {},
        lambda: [part(version=2)],
        grpc.StatusCode.FAILED_PRECONDITION,
    ),
    "malformed-part": ({}, lambda: [b"\xff\xff\xff"], MALFORMED),
    "not-an-envelope": ({}, lambda: [part(b"no envelope")], MALFORMED),
    "part-too-large": ({}, lambda: [part(bytes(PART_BYTES + 1))], MALFORMED),
    "request-too-large": (
        {},
        lambda: (part(b"x" * PART_BYTES) for _ in range(ENDLESS)),
        MALFORMED,
    ),
    "giant message": (
        {},
        lambda: [part(bytes(4 * PART_BYTES))],
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ),
    "compressed": (
        {"compression": grpc.Compression.Gzip},
        lambda: [part(bytes(32 * PART_BYTES))],
        UNKNOWN,
    ),
    "unknown-method": (
        {"method": "/fedstill.custodian.v1.Custodian/Train"},
        lambda: [part()],
        UNKNOWN,
    ),
    "reflection": ({"method": REFLECTION}, lambda: [b""], UNKNOWN),
    "health watch": (
        {"method": "/grpc.health.v1.Health/Watch"},
        lambda: [b""],
        UNKNOWN,
    ),
}
# What gRPC itself ends may look like an end of the parts before it looks like one of
# the call; either way it is no whole request.
CUT_OFF = {"cut-off", "empty-request"}
LOGGED_AS = {
    "deadline of years": {"no-deadline"},
    "empty part": {"empty-request"},
    "giant message": CUT_OFF,
    "compressed": CUT_OFF,
    "reflection": {"unknown-method"},
    "health watch": {"unknown-method"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_request_is_rejected_with_one_line(name):
    """A closed status, one line in the log, no question to the site, and it lives."""
    options, parts, expected = HOSTILE[name]
    site = Echo()

    with door(site) as custodian:
        code, _ = custodian.call(parts(), **options)
        asked = len(site.asked)
        custodian.ask()
    lines = {line["outcome"]: line for line in custodian.lines()}

    assert code is expected, f"Rule 9: {name} got {code}, expected {expected}."
    assert asked == 0, f"Rule 9: the site was asked by {name}."
    assert set(lines) == {"rejected", "answered"}
    assert len(custodian.lines()) == len(lines)
    assert lines["rejected"]["reason"] in LOGGED_AS.get(name, {name})


def test_an_endless_request_is_ended():
    """Not one part more is taken than a request may have."""
    with door(Echo()) as custodian:
        custodian.call(part(b"x" * PART_BYTES) for _ in range(ENDLESS))
    (line,) = custodian.lines()

    kept = line["bytes_in"]
    assert kept <= MOST_BYTES + PART_BYTES, f"Rule 9: {kept} bytes were received."


def test_an_envelope_with_a_giant_header_is_not_parsed(monkeypatch):
    """JSON takes many times its length in memory once it is parsed."""
    giant = (MOST_HEADER_BYTES + 1).to_bytes(8, "little") + b" " * MOST_HEADER_BYTES
    monkeypatch.setattr(Envelope, "from_bytes", lambda content: pytest.fail("parsed"))

    with door(Echo()) as custodian:
        code, words = custodian.call(
            [part(giant[:PART_BYTES]), part(giant[PART_BYTES:])]
        )

    assert (code, words) == (MALFORMED, "not-an-envelope")


def test_a_version_mismatch_names_both_versions():
    """Whoever reads it knows which side is older."""
    with door(Echo()) as custodian:
        _, words = custodian.call([part(version=2)])

    assert words == "The custodian speaks protocol version 1, the relay 2."


def test_every_part_has_its_version_checked():
    """A later part of another version is no part of this request."""
    content = HELLO.to_bytes()

    with door(Echo()) as custodian:
        code, _ = custodian.call([part(content[:20]), part(content[20:], version=9)])

    assert code is grpc.StatusCode.FAILED_PRECONDITION


def test_a_failing_site_leaves_as_a_closed_status(caplog):
    """An exception's text could carry a path or a value."""
    with door(Fails()) as custodian:
        code, words = custodian.call(parts_of(HELLO))
        lines = custodian.lines()

    assert (code, words) == (grpc.StatusCode.INTERNAL, "internal-error"), (
        f"Rule 9: {code}, {words!r} left the custodian."
    )
    assert [line["reason"] for line in lines] == ["internal-error"]
    assert "secret" not in caplog.text


def test_a_stream_that_is_cut_off_is_one_line():
    """A client that goes away midway has asked nothing."""
    site = Echo()
    is_read, may_go_on = threading.Event(), threading.Event()

    def begun():
        yield part(HELLO.to_bytes()[:20])
        is_read.set()  # gRPC wants the next part: this one is on its way
        may_go_on.wait(SECONDS)

    with door(site) as custodian, custodian.channel() as channel:
        stream = channel.stream_stream(METHOD)(begun(), timeout=SECONDS)
        assert is_read.wait(SECONDS)
        custodian.ask()
        stream.cancel()
        may_go_on.set()
    lines = [line for line in custodian.lines() if line["outcome"] == "rejected"]

    assert len(site.asked) == 1
    assert [line["reason"] in {"cut-off", "not-an-envelope"} for line in lines] == [
        True
    ]


def test_a_request_that_is_not_received_in_time_is_cancelled():
    """A client that sends nothing more does not keep its place."""
    may_go_on = threading.Event()

    def begun():
        yield part(HELLO.to_bytes()[:20])
        may_go_on.wait(SECONDS)

    with door(Echo(), receive_seconds=0.1) as custodian:
        code, _ = custodian.call(begun())
        may_go_on.set()
    (line,) = custodian.lines()

    assert code is grpc.StatusCode.CANCELLED
    assert line["reason"] == "not-received-in-time"


def test_a_second_request_is_refused_as_busy():
    """One request at a time; whoever waits too long is told so."""
    site = Slow()
    replies = {}

    with door(site, turn_seconds=0.05) as custodian:
        first = threading.Thread(
            target=lambda: replies.update(first=custodian.ask(HELLO))
        )
        first.start()
        assert site.has_begun.wait(SECONDS)
        replies["second"] = custodian.ask(LABELS)
        site.may_end.set()
        first.join()
        lines = custodian.lines()

    assert reason_of(replies["second"]) == "busy"
    assert replies["second"].fields["site_name"] == "site-00"
    assert reason_of(replies["first"]) is None
    assert len(site.asked) == 1
    assert [line["reason"] for line in lines] == ["busy", None]


def test_a_second_request_that_waits_is_answered():
    """Waiting has an end that is not a refusal."""
    site = Slow()
    replies = []

    with door(site) as custodian:
        asking = [
            threading.Thread(target=lambda: replies.append(custodian.ask()))
            for _ in range(2)
        ]
        for one in asking:
            one.start()
        assert site.has_begun.wait(SECONDS)
        site.may_end.set()
        for one in asking:
            one.join()

    assert [reason_of(reply) for reply in replies] == [None, None]


def test_the_work_goes_on_when_its_client_has_gone():
    """A killed relay loses no paid work."""
    site = Slow()

    with door(site) as custodian:
        with custodian.channel() as channel:
            stream = channel.stream_stream(METHOD)(
                iter(parts_of(HELLO)), timeout=SECONDS
            )
            assert site.has_begun.wait(SECONDS)
            stream.cancel()
        custodian.running.stop()
        site.may_end.set()
        custodian.running.wait()
        (line,) = custodian.lines()

    assert len(site.asked) == 1
    assert line["outcome"] == "answered"


def test_a_client_that_does_not_read_is_cancelled(monkeypatch):
    """A reply that nobody takes does not keep its thread."""
    monkeypatch.setattr(service, "SEND_SECONDS", 0.1)
    context, is_cancelled = Context(), threading.Event()
    context.cancel = is_cancelled.set

    answer = Answering(Echo(), log=Log()).answer(iter(parts_of(HELLO)), context)
    next(answer)

    assert is_cancelled.wait(SECONDS)


def test_too_many_requests_at_once_are_rejected():
    """What a client can make the custodian keep in memory has an end."""
    log = Log()
    answering = Answering(Echo(), log=log)
    waiting = [Context() for _ in range(service.MOST_AT_ONCE)]
    entered = threading.Barrier(service.MOST_AT_ONCE + 1)
    may_end = threading.Event()

    def slowly():
        entered.wait(SECONDS)
        may_end.wait(SECONDS)
        yield from parts_of(HELLO)

    threads = [
        threading.Thread(target=lambda one=one: list(answering.answer(slowly(), one)))
        for one in waiting
    ]
    for thread in threads:
        thread.start()
    entered.wait(SECONDS)
    context = Context()
    with pytest.raises(RuntimeError):
        list(answering.answer(iter(parts_of(HELLO)), context))
    may_end.set()
    for thread in threads:
        thread.join()

    assert context.aborted == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "too-many-requests",
    )
    assert log.reasons == ["too-many-requests", *[None] * service.MOST_AT_ONCE]


def test_a_client_that_left_while_it_waited_is_not_answered():
    """Nothing begins for nobody."""
    site = Echo()
    log = Log()
    context = Context()
    answering = Answering(site, log=log)
    context.is_active = iter([True, False]).__next__  # received whole, then gone

    with pytest.raises(RuntimeError):
        list(answering.answer(iter(parts_of(HELLO)), context))

    assert site.asked == []
    assert log.reasons == ["cut-off"]


@pytest.mark.parametrize(
    ("reason", "is_available"),
    [
        (RefusalReason.LEDGER_UNAVAILABLE, False),
        (RefusalReason.LEDGER_ROLLED_BACK, True),  # a client can claim that
        (RefusalReason.INTERNAL_ERROR, True),
    ],
)
def test_a_ledger_that_was_unavailable_is_remembered(reason, is_available):
    """The health service says so until the ledger is back."""
    site = Refuses(reason)
    answering = Answering(site, log=Log())

    list(answering.answer(iter(parts_of(HELLO)), Context()))
    assert answering.is_ledger_available is is_available

    site.reason = RefusalReason.UNKNOWN_RUN
    list(answering.answer(iter(parts_of(HELLO)), Context()))
    assert answering.is_ledger_available


def test_failpoints_are_passed_in_order(monkeypatch):
    """A test can kill a custodian before, in and after a reply."""
    reached = []
    monkeypatch.setattr(service, "failpoint", reached.append)

    with door(Echo()) as custodian:
        custodian.ask()

    assert reached == [
        "custodian.after-request",
        "custodian.before-reply",
        "custodian.mid-reply",
        "custodian.after-reply",
    ]
