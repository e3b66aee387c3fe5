"""A relay's side of the socket, which sends whatever it is told to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from client.custodian.protocol_pb2 import ReplyPart
from client.custodian.wire import METHOD
from common.envelope import Envelope
from tests.hostile.attack import OK, parts_of

SECONDS = 30.0
_CHECK = "/grpc.health.v1.Health/Check"
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 2**24),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        code: gRPC's status.
        words: the status's text.
        content: bytes of the reply, empty where there is none.
    """

    code: grpc.StatusCode
    words: str = ""
    content: bytes = b""

    @property
    def refusal(self) -> str | None:
        """The reason in the reply, or None."""
        if not self.content:
            return None
        return Envelope.from_bytes(self.content).fields.get("refusal")


def open_channel(socket: Path) -> grpc.Channel:
    """Returns a connection of its own."""
    return grpc.insecure_channel(f"unix:{socket}", options=_OPTIONS)


def send(
    socket: Path,
    parts: Iterable[bytes],
    *,
    method: str = METHOD,
    timeout: float | None = SECONDS,
    **options: Any,
) -> Answer:
    """Sends parts on a new connection; returns what came back."""
    with open_channel(socket) as channel:
        stream = channel.stream_stream(method)(iter(parts), timeout=timeout, **options)
        try:
            content = b"".join(ReplyPart.FromString(one).content for one in stream)
        except grpc.RpcError as error:
            return Answer(code=error.code(), words=error.details() or "")
    return Answer(code=OK, content=content)


def ask(socket: Path, request: Envelope) -> Envelope:
    """Returns the reply to an honest request."""
    answer = send(socket, parts_of(request))
    assert answer.code is OK, answer
    return Envelope.from_bytes(answer.content)


def is_serving(socket: Path) -> bool:
    """Returns what the health service says."""
    with open_channel(socket) as channel:
        serialised = channel.unary_unary(_CHECK)(
            HealthCheckRequest().SerializeToString(), timeout=SECONDS
        )
    status = HealthCheckResponse.FromString(serialised).status
    return bool(status == HealthCheckResponse.SERVING)
