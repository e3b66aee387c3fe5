"""What a server says to one site: a whole run, each request made from earlier replies.

A generator that yields requests and is sent their replies: the driver may kill the
custodian in between and ask again, and the dialogue does not notice.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from common.envelope import Envelope
from common.messages import HelloReply, RoundReply
from common.run_plan import RunPlan
from common.transfer_messages import TransferChunk, TransferProgress
from tests.client.heads import make_head_plan
from tests.client.support import (
    finish_request,
    hello,
    make_plan,
    make_transfer_set,
    reason_of,
    round_request,
)

ROUNDS = 3
CHUNK_ROWS = 12
LABELLED = 6
PLANS = {
    "dp-sgd": lambda: make_plan(rounds=ROUNDS),
    "dp-head": lambda: make_head_plan(rounds=ROUNDS),
}

Dialogue = Generator[Envelope, Envelope, None]


class RefusedError(Exception):
    """A custodian said no to what it must answer."""


def whole_run(plan: RunPlan) -> Dialogue:
    """Says hello, delivers the transfer set, plays every round, and finishes."""
    entries = yield from until_agreed(plan)
    reply = None
    for number in range(1, plan.rounds + 1):
        answer = yield next_round(number, reply, entries)
        reply = _round_reply(answer)
        entries = reply.ledger_entries
    yield finish_request(plan.rounds, **consensus_of(reply), ledger_entries=entries)


def first_round(plan: RunPlan) -> Dialogue:
    """Plays a run up to its first round."""
    entries = yield from until_agreed(plan)
    _round_reply((yield next_round(1, None, entries)))


def until_agreed(plan: RunPlan) -> Generator[Envelope, Envelope, int]:
    """Says hello until the site has its transfer set; returns its ledger entries."""
    answer = HelloReply.from_envelope(_accepted((yield hello(plan))))
    if not answer.has_transfer_set:
        for chunk in chunks():
            progress = _accepted((yield chunk))
            TransferProgress.from_envelope(progress)
        answer = HelloReply.from_envelope(_accepted((yield hello(plan))))
    assert answer.has_transfer_set
    return answer.ledger_entries


def chunks() -> list[Envelope]:
    """Returns the transfer set in some parts."""
    transfer_set = make_transfer_set()
    return [
        TransferChunk(
            transfer_set_id=transfer_set.content_id,
            first_row=start,
            num_rows=len(transfer_set),
            inputs=transfer_set.inputs[start : start + CHUNK_ROWS],
        ).to_envelope()
        for start in range(0, len(transfer_set), CHUNK_ROWS)
    ]


def next_round(number: int, reply: RoundReply | None, entries: int) -> Envelope:
    """Returns a round with the consensus of the only site: what it last said."""
    return round_request(
        number,
        indices=_indices(number),
        **consensus_of(reply),
        ledger_entries=entries,
    )


def consensus_of(reply: RoundReply | None) -> dict[str, object]:
    """Returns the consensus part of a request after ``reply``."""
    if reply is None:
        return {}
    return {
        "consensus_indices": _indices(reply.round_number),
        "consensus": reply.soft_labels,
    }


def _indices(number: int) -> np.ndarray:
    return np.arange(LABELLED, dtype=np.int32) + number


def _round_reply(envelope: Envelope) -> RoundReply:
    return RoundReply.from_envelope(_accepted(envelope))


def _accepted(envelope: Envelope) -> Envelope:
    reason = reason_of(envelope)
    if reason is not None:
        raise RefusedError(f"{envelope.kind.value}: {reason}")
    return envelope
