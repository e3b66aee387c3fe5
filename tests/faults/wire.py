"""A client that speaks the custodian's protocol by hand, so that it can misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from client.custodian import protocol_pb2 as protocol
from common.envelope import Envelope

SECONDS = 20.0
VERSION = 1
_METHOD = "/fedstill.custodian.v1.Custodian/Answer"
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),  # no backoff from an earlier channel
)


@contextmanager
def calling(socket: Path) -> Iterator[grpc.StreamStreamMultiCallable]:
    """Opens a channel; what is still running is cancelled when it closes."""
    with grpc.insecure_channel(f"unix:{socket}", options=_OPTIONS) as channel:
        yield channel.stream_stream(
            _METHOD,
            request_serializer=protocol.RequestPart.SerializeToString,
            response_deserializer=protocol.ReplyPart.FromString,
        )


def parts_of(request: Envelope, *, count: int = 3) -> list[protocol.RequestPart]:
    """Returns a request in some parts of about the same size."""
    content = request.to_bytes()
    size = -(-len(content) // count)
    return [
        protocol.RequestPart(
            protocol_version=VERSION, content=content[start : start + size]
        )
        for start in range(0, len(content), size)
    ]


def ask(socket: Path, request: Envelope, *, seconds: float = SECONDS) -> bytes:
    """Returns the bytes of a reply.

    Raises:
        grpc.RpcError: no whole reply came in time.
    """
    with calling(socket) as call:
        stream = call(iter(parts_of(request)), timeout=seconds)
        return b"".join(part.content for part in stream)
