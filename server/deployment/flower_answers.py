"""What Flower's commands answer, as values: nodes, runs, refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from common.errors import FedstillError

FINISHED = "finished"
COMPLETED = "finished:completed"
_UNAVAILABLE = "Connection to the SuperLink is unavailable"
_KEY_IN_USE = "already in use"
_NOT_FOUND = "not found"
# Where the message of an error follows what the command had said before it.
_CHATTER = ("Using SuperLink:", "Listing all", "Displaying information", "Stopping run")
_MOST_LETTERS = 300


class SuperLinkAwayError(FedstillError):
    """The SuperLink did not answer; asking again later may help."""


class SuperLinkRefusedError(FedstillError):
    """The SuperLink answered, and said no; asking again does not help.

    Attributes:
        reason: Flower's own words, one line.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        self.reason = reason
        super().__init__(message)

    @property
    def is_key_in_use(self) -> bool:
        """Whether the key is registered, or was once."""
        return _KEY_IN_USE in self.reason

    @property
    def is_not_found(self) -> bool:
        """Whether the SuperLink knows no such node or run."""
        return _NOT_FOUND in self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowerNode:
    """A node, as the SuperLink lists it.

    Attributes:
        node_id: Flower's number, up to 64 bits without a sign.
        status: ``registered`` (never connected), ``online``, ``offline`` or
            ``unregistered``.
        online_at: when it last connected, UTC; empty for never.
        offline_at: when it was last lost, UTC; empty for never.
    """

    node_id: int
    status: str
    online_at: str = ""
    offline_at: str = ""

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Self:
        """Returns the node of one entry of ``flwr supernode list``."""
        return cls(
            node_id=int(answer["node-id"]),
            status=str(answer["status"]),
            online_at=_time(answer.get("online-at")),
            offline_at=_time(answer.get("offline-at")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowerRun:
    """A run, as the SuperLink lists it.

    Attributes:
        run_id: Flower's number, up to 64 bits without a sign.
        status: ``pending``, ``starting``, ``running``, ``finished:completed``,
            ``finished:failed`` or ``finished:stopped``.
        details: Flower's words on how it ended; may be empty.
        elapsed: seconds since it started.
        pending_at: when it was submitted, UTC; empty for not known.
        inbound_bytes: what the SuperLink received for it.
        outbound_bytes: what the SuperLink sent for it.
    """

    run_id: int
    status: str
    details: str = ""
    elapsed: float = 0.0
    pending_at: str = ""
    inbound_bytes: int = 0
    outbound_bytes: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.status.split(":")[0] == FINISHED

    @property
    def is_completed(self) -> bool:
        """Whether its ServerApp came to its end."""
        return self.status == COMPLETED

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Self:
        """Returns the run of one entry of ``flwr list``."""
        traffic = answer.get("network-traffic") or {}
        return cls(
            run_id=int(answer["run-id"]),
            status=str(answer["status"]),
            details=str(answer.get("status-details") or ""),
            elapsed=float(answer.get("elapsed") or 0.0),
            pending_at=_time(answer.get("pending-at")),
            inbound_bytes=int(traffic.get("inbound-bytes") or 0),
            outbound_bytes=int(traffic.get("outbound-bytes") or 0),
        )


def find_answer(output: str) -> dict[str, Any] | None:
    """Returns the last JSON object with ``success`` in what a command printed.

    Args:
        output: standard output, where notices may stand around the answer.
    """
    decoder = json.JSONDecoder()
    found, start = None, output.find("{")
    while start >= 0:
        end = start + 1
        try:
            value, end = decoder.raw_decode(output, start)
        except ValueError:
            value = None
        if isinstance(value, dict) and "success" in value:
            found = value
        start = output.find("{", end)
    return found


def reason_of(text: str) -> str:
    """Returns why a command failed, one line, without its chatter."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    told = [line for line in lines if line and not any(c in line for c in _CHATTER)]
    return " ".join(told)[-_MOST_LETTERS:].removeprefix("Error: ").rstrip(".")


def is_away(reason: str) -> bool:
    """Returns whether the reason is that nobody answered."""
    return _UNAVAILABLE in reason


def _time(value: object) -> str:
    text = str(value or "")
    return "" if text == "N/A" else text
