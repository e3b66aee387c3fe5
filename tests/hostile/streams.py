"""Streams of parts that are no request."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc

from client.custodian.rejection import Rejection
from client.custodian.wire import (
    LONGEST_DEADLINE_SECONDS,
    METHOD,
    PART_BYTES,
    PROTOCOL_VERSION,
)
from tests.client.support import hello, make_plan
from tests.hostile.attack import Attack, part, parts_of, rejected
from tests.hostile.site import NEW

_HELLO = hello(make_plan(run_id=NEW))
_CONTENT = _HELLO.to_bytes()
_SHORT_SECONDS = 0.5
# What gRPC itself ends may look like an end of the parts before it looks like one of
# the call; either way it is no whole request.
_CUT = (Rejection.CUT_OFF, Rejection.EMPTY, Rejection.NOT_AN_ENVELOPE)
_EXCEEDED = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def _one() -> list[bytes]:
    return parts_of(_HELLO)


def _endless() -> Iterator[bytes]:
    while True:
        yield part(bytes(PART_BYTES))


def _endless_drops() -> Iterator[bytes]:
    """A byte a part, for as long as anybody takes them."""
    while True:
        yield part(b"x")


def _stalled() -> Iterator[bytes]:
    """Half a request, and then nothing."""
    yield part(_CONTENT[:100])
    threading.Event().wait(4 * _SHORT_SECONDS)


def _broken_off() -> Iterator[bytes]:
    yield part(_CONTENT[:100])
    raise ConnectionError


def _mixed() -> list[bytes]:
    return [part(_CONTENT[:100]), part(_CONTENT[100:], PROTOCOL_VERSION + 1)]


STREAMS: tuple[Attack, ...] = (
    rejected("no deadline", _one, Rejection.DEADLINE, timeout=None),
    rejected(
        "a deadline of years",
        _one,
        Rejection.DEADLINE,
        timeout=400 * LONGEST_DEADLINE_SECONDS,
    ),
    rejected("the protocol after", lambda: [part(version=2)], Rejection.VERSION),
    rejected("the last protocol", lambda: [part(version=2**32 - 1)], Rejection.VERSION),
    rejected("no protocol", lambda: [part(_CONTENT, 0)], Rejection.VERSION),
    rejected("two protocols in one request", _mixed, Rejection.VERSION),
    rejected("no part", list, Rejection.EMPTY),
    rejected("a part of nothing", lambda: [part(b"")], Rejection.EMPTY),
    rejected("nothing after a part", lambda: [*_one(), part(b"")], Rejection.EMPTY),
    rejected("a part that is no protobuf", lambda: [b"\xff"], Rejection.MALFORMED_PART),
    rejected(
        "a part that ends early", lambda: [_one()[0][:-1]], Rejection.MALFORMED_PART
    ),
    rejected(
        "a part that claims 2**62 bytes",
        lambda: [b"\x08\x01\x12\xff\xff\xff\xff\xff\xff\xff\xff\x3f"],
        Rejection.MALFORMED_PART,
    ),
    rejected(
        "a part nested 10,000 groups deep",
        lambda: [b"\x08\x01" + b"\x1b" * 10_000],
        Rejection.MALFORMED_PART,
    ),
    rejected(
        "a part of a byte too many",
        lambda: [part(bytes(PART_BYTES + 1))],
        Rejection.PART_TOO_LARGE,
    ),
    rejected(
        "a part of 32 MB",
        lambda: [part(bytes(32 * PART_BYTES))],
        *_CUT,
        codes=[grpc.StatusCode.RESOURCE_EXHAUSTED],
    ),
    rejected(
        "a compressed part",
        lambda: [part(bytes(32 * PART_BYTES))],
        *_CUT,
        codes=[grpc.StatusCode.UNIMPLEMENTED],
        compression=grpc.Compression.Gzip,
    ),
    rejected("parts without end", _endless, Rejection.TOO_LARGE),
    rejected(
        "single bytes without end",
        _endless_drops,
        *_CUT,
        codes=_EXCEEDED,
        timeout=_SHORT_SECONDS,
    ),
    rejected(
        "half a request",
        _stalled,
        *_CUT,
        codes=_EXCEEDED,
        timeout=_SHORT_SECONDS,
    ),
    rejected(
        "a request broken off",
        _broken_off,
        *_CUT,
        codes=[grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED],
    ),
    rejected(
        "a method that is none",
        _one,
        Rejection.UNKNOWN_METHOD,
        method=METHOD.replace("Answer", "Train"),
    ),
    rejected(
        "a method of a path",
        _one,
        Rejection.UNKNOWN_METHOD,
        method="/../../etc/passwd",
    ),
    rejected("reflection", _one, Rejection.UNKNOWN_METHOD, method=_REFLECTION),
    rejected(
        "watching its health",
        lambda: [b""],
        Rejection.UNKNOWN_METHOD,
        method="/grpc.health.v1.Health/Watch",
    ),
)
