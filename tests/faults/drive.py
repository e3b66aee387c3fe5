"""Plays a dialogue with a custodian that may die: start it again, ask again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from common.envelope import Envelope
from common.run_plan import RunPlan
from tests.client.support import reason_of
from tests.faults.dialogue import Dialogue
from tests.faults.invariants import Ending, LedgerRows, violations
from tests.faults.place import socket_of, store_of
from tests.faults.processes import CustodianProcess
from tests.faults.wire import ask

MOST_TRIES = 4


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a client asked and what reached it.

    Attributes:
        requests: each once, in order.
        replies: every reply, in order, refusals too.
    """

    requests: list[Envelope] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)

    @property
    def accepted(self) -> list[bytes]:
        """The replies that are no refusals."""
        return [one for one in self.replies if _reason(one) is None]

    @property
    def refused(self) -> list[str]:
        """The reasons of the refusals."""
        return [reason for one in self.replies if (reason := _reason(one))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A run without faults: how it ends, and what it said."""

    plan: RunPlan
    ending: Ending
    seen: Seen


def play(
    custodian: CustodianProcess,
    dialogue: Dialogue,
    *,
    before: Callable[[Envelope], object] = lambda _: None,
    mend: Callable[[], object] | None = None,
) -> Seen:
    """Plays a dialogue to its end; a dead custodian is started again, unarmed.

    Args:
        custodian: running.
        dialogue: what to ask.
        before: called with each request just before it is asked.
        mend: called after a refusal, before the request is asked again; None where
            there must be no refusal.
    """
    seen = Seen()
    request = next(dialogue)
    while True:
        before(request)
        seen.requests.append(request)
        reply = ask_until_answered(custodian, request)
        seen.replies.append(reply)
        if mend is not None and _reason(reply) is not None:
            mend()
            reply = ask_until_answered(custodian, request)
            seen.replies.append(reply)
        try:
            request = dialogue.send(Envelope.from_bytes(reply))
        except StopIteration:
            return seen


def _reason(reply: bytes) -> str | None:
    return reason_of(Envelope.from_bytes(reply))


def ask_until_answered(custodian: CustodianProcess, request: Envelope) -> bytes:
    """Returns the reply to a request, asked again after each death."""
    for _ in range(MOST_TRIES):
        try:
            return ask(socket_of(custodian.place), request)
        except grpc.RpcError as error:
            failed = error
            if not custodian.is_dead():
                raise
            custodian.start()
    raise failed


def ending_of(custodian: CustodianProcess) -> Ending:
    """Returns what a stopped custodian of one run has on disk."""
    disk = LedgerRows.of(store_of(custodian.place))
    (weights,) = disk.weights
    return Ending(weights=weights, charges=disk.charges())


def broken(
    custodian: CustodianProcess, seen: Seen, ending: Ending | None
) -> list[tuple[str, str]]:
    """Stops a custodian and returns what is violated, which should be nothing."""
    custodian.kill()
    return violations(store_of(custodian.place), seen.replies, ending)


def assert_nothing_is_lost(
    custodian: CustodianProcess, seen: Seen, expected: Undisturbed
) -> None:
    """Asserts what holds after every fault, once it is over; stops the custodian."""
    assert broken(custodian, seen, expected.ending) == []
    assert seen.accepted == expected.seen.replies
