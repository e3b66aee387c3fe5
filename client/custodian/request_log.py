"""One line of JSON for every request, to the site's owner.

Nothing in it is private, and nothing about how long the work took: that depends on
the sizes of private samples.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TextIO

from client.custodian.rejection import Rejection
from common.envelope import Envelope
from common.errors import InvalidReplyError
from common.messages import Refusal

MOST_NAME_CHARACTERS = 64
_LARGEST_NUMBER = 2**63 - 1


class Outcome(Enum):
    """How a request ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    outcome: Outcome
    reason: str | None = None
    request: Envelope | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    ledger_entries: int | None = None

    def values(self) -> dict[str, Any]:
        return {
            "kind": None if self.request is None else self.request.kind.value,
            "run": _name(self.request, "run_id"),
            "round": _number(self.request, "round_number"),
            "outcome": self.outcome.value,
            "reason": self.reason,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "ledger_entries": self.ledger_entries,
        }


class RequestLog:
    """Writes the lines, numbered from 1, in the order in which requests end.

    Args:
        stream: where to; by default the standard error output.
        clock: the time of day, which only tells the owner when.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._lock = threading.Lock()
        self._number = 0

    def replied(
        self, request: Envelope, reply: Envelope, *, bytes_in: int, bytes_out: int
    ) -> None:
        """Notes an answer or a refusal."""
        reason = _reason(reply)
        self._write(
            _Line(
                outcome=Outcome.ANSWERED if reason is None else Outcome.REFUSED,
                reason=reason,
                request=request,
                bytes_in=bytes_in,
                bytes_out=bytes_out,
                ledger_entries=_number(reply, "ledger_entries"),
            )
        )

    def rejected(
        self,
        rejection: Rejection,
        request: Envelope | None = None,
        *,
        bytes_in: int = 0,
    ) -> None:
        """Notes a request that got a gRPC status in place of a reply."""
        self._write(
            _Line(
                outcome=Outcome.REJECTED,
                reason=rejection.reason,
                request=request,
                bytes_in=bytes_in,
            )
        )

    def _write(self, line: _Line) -> None:
        with self._lock:
            self._number += 1
            head = {"time": self._clock().isoformat(), "number": self._number}
            text = json.dumps(head | line.values())
            # What was charged is released even if the owner's log is full or closed.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text + "\n")
                self._stream.flush()


def _reason(reply: Envelope) -> str | None:
    try:
        refusal = Refusal.from_envelope(reply)
    except InvalidReplyError:
        return "unknown"
    return None if refusal is None else refusal.reason.value


def _name(envelope: Envelope | None, field: str) -> str | None:
    """Returns a text of a request, cut off; JSON escapes what is not plain."""
    value = None if envelope is None else envelope.fields.get(field)
    return value[:MOST_NAME_CHARACTERS] if isinstance(value, str) else None


def _number(envelope: Envelope | None, field: str) -> int | None:
    value = None if envelope is None else envelope.fields.get(field)
    is_number = type(value) is int and abs(value) <= _LARGEST_NUMBER
    return value if is_number else None  # type: ignore[return-value]
