"""An attack: what is sent to a custodian's socket, and how it must end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc

from client.custodian.protocol_pb2 import RequestPart
from client.custodian.rejection import Rejection
from client.custodian.wire import PROTOCOL_VERSION, in_parts
from common.envelope import Envelope
from common.messages import RefusalReason

OK = grpc.StatusCode.OK
# What somebody who unpickled it would run: `true`.
PICKLE = b"cos\nsystem\n(S'true'\ntR."
ANSWERED, REFUSED, REJECTED = "answered", "refused", "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One hostile request.

    Attributes:
        name: what is wrong with it.
        parts: makes the serialised parts.
        outcome: in the log.
        reasons: of which one is in the log.
        codes: gRPC statuses of which the client sees one.
        options: of the call.
    """

    name: str
    parts: Callable[[], Iterable[bytes]]
    outcome: str
    reasons: frozenset[str]
    codes: frozenset[grpc.StatusCode]
    options: Mapping[str, Any] = field(default_factory=dict)

    def envelope(self) -> Envelope:
        """Returns what the site sees, of an attack that it must refuse itself."""
        parts = (RequestPart.FromString(one).content for one in self.parts())
        return Envelope.from_bytes(b"".join(parts))


def refused(name: str, make: Callable[[], Envelope | bytes], reason: str) -> Attack:
    """An envelope that the site itself must refuse.

    Args:
        name: what is wrong with it.
        make: the envelope, or its bytes.
        reason: of the refusal.
    """
    return Attack(
        name=name,
        parts=lambda: parts_of(make()),
        outcome=REFUSED,
        reasons=frozenset({RefusalReason(reason).value}),
        codes=frozenset({OK}),
    )


def rejected(
    name: str,
    make: Callable[[], Iterable[bytes]],
    *rejections: Rejection,
    codes: Iterable[grpc.StatusCode] = (),
    **options: Any,
) -> Attack:
    """Parts that must end as a gRPC status before the site is asked.

    Args:
        name: what is wrong with them.
        make: the serialised parts.
        rejections: of which one is logged.
        codes: where gRPC itself or the client's own deadline decides; by default those
            of the rejections.
        options: of the call.
    """
    return Attack(
        name=name,
        parts=make,
        outcome=REJECTED,
        reasons=frozenset(one.reason for one in rejections),
        codes=frozenset(codes) or frozenset(one.code for one in rejections),
        options=options,
    )


def part(content: bytes = b"x", version: int = PROTOCOL_VERSION) -> bytes:
    """Returns a serialised part."""
    return RequestPart(protocol_version=version, content=content).SerializeToString()


def parts_of(request: Envelope | bytes) -> list[bytes]:
    """Returns the serialised parts of a request."""
    content = request if isinstance(request, bytes) else request.to_bytes()
    return [part(one) for one in in_parts(content)]
