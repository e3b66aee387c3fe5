"""A request arrives in parts: nothing of it is believed, and all of it is bounded."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError

from client.custodian.protocol_pb2 import RequestPart
from client.custodian.rejection import RejectedError, Rejection
from client.custodian.wire import (
    LONGEST_DEADLINE_SECONDS,
    MOST_BYTES,
    MOST_HEADER_BYTES,
    PART_BYTES,
    PROTOCOL_VERSION,
    version_words,
)
from common.envelope import Envelope
from common.errors import InvalidReplyError

_LENGTH_BYTES = 8  # safetensors: little-endian length of the header, then the header


@dataclass(slots=True)
class Exchange:
    """How far a request has come, for the log.

    Attributes:
        bytes_in: content bytes received.
        request: once it is understood.
    """

    bytes_in: int = 0
    request: Envelope | None = None


def receive(
    parts: Iterator[bytes],
    context: grpc.ServicerContext,
    exchange: Exchange,
    *,
    seconds: float,
) -> None:
    """Receives a request whole, and leaves it in ``exchange``.

    Args:
        parts: serialised parts, as they came.
        context: of the call.
        exchange: told about every part.
        seconds: after which a request that is not whole is cancelled.

    Raises:
        RejectedError: no deadline, another protocol version, too large, too slow, cut
            off, or no envelope.
    """
    remaining = context.time_remaining()
    if remaining is None or remaining > LONGEST_DEADLINE_SECONDS:
        raise RejectedError(
            Rejection.DEADLINE,
            f"A request needs a deadline of at most {LONGEST_DEADLINE_SECONDS:.0f} s.",
        )
    with _watchdog(context, seconds) as is_too_late:
        try:
            content = _join(parts, exchange)
            is_cut_off = not context.is_active()  # gRPC may end the parts quietly
        except grpc.RpcError:
            is_cut_off = True
        if is_too_late.is_set():
            raise RejectedError(Rejection.TOO_SLOW)
        if is_cut_off:
            raise RejectedError(Rejection.CUT_OFF)
    exchange.request = _read(content)


@contextmanager
def _watchdog(
    context: grpc.ServicerContext, seconds: float
) -> Iterator[threading.Event]:
    """Cancels the call after some seconds, unless it is left before; says whether."""
    is_too_late = threading.Event()

    def cancel() -> None:
        is_too_late.set()
        context.cancel()

    timer = threading.Timer(seconds, cancel)
    timer.daemon = True
    timer.start()
    try:
        yield is_too_late
    finally:
        timer.cancel()


def _join(parts: Iterator[bytes], exchange: Exchange) -> bytes:
    content = io.BytesIO()
    for serialised in parts:
        part = _parse(serialised)
        exchange.bytes_in += len(part.content)
        if len(part.content) > PART_BYTES:
            raise RejectedError(Rejection.PART_TOO_LARGE)
        if exchange.bytes_in > MOST_BYTES:
            raise RejectedError(Rejection.TOO_LARGE)
        content.write(part.content)
    return content.getvalue()


def _parse(serialised: bytes) -> RequestPart:
    try:
        part = RequestPart.FromString(serialised)
    except DecodeError:
        raise RejectedError(Rejection.MALFORMED_PART) from None
    if part.protocol_version != PROTOCOL_VERSION:
        words = version_words(custodian=PROTOCOL_VERSION, relay=part.protocol_version)
        raise RejectedError(Rejection.VERSION, words)
    if not part.content:  # or a stream of nothing would have no end
        raise RejectedError(Rejection.EMPTY)
    return part


def _read(content: bytes) -> Envelope:
    if not content:
        raise RejectedError(Rejection.EMPTY)
    if int.from_bytes(content[:_LENGTH_BYTES], "little") > MOST_HEADER_BYTES:
        raise RejectedError(Rejection.NOT_AN_ENVELOPE)
    try:
        return Envelope.from_bytes(content)
    except InvalidReplyError:
        raise RejectedError(Rejection.NOT_AN_ENVELOPE) from None
