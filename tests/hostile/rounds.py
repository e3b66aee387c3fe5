"""Rounds and finishes that must change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from common.envelope import Envelope, MessageKind
from common.messages import RoundReply
from tests.client.support import (
    NUM_CLASSES,
    PLAN,
    finish_request,
    make_consensus,
    round_request,
)
from tests.hostile.attack import PICKLE, Attack, refused
from tests.hostile.plans import ESCAPE
from tests.hostile.site import CLOSED, FIRST, USED

_MALFORMED, _UNKNOWN = "malformed-request", "unknown-run"
_SIX = np.arange(6, dtype=np.int32)
_FREE = np.arange(10, 16, dtype=np.int32)


def _spoiled(value: float) -> np.ndarray:
    consensus = make_consensus(_SIX).copy()
    consensus[2, 3] = value
    return consensus


def _indices(*values: int, dtype: Any = np.int32) -> dict[str, Any]:
    return {"indices": np.array(values, dtype)}


# Changes of an honest second round, and why it is refused.
_REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a run that nobody knows": ({"run_id": "run-8"}, _UNKNOWN),
    "a run with no name": ({"run_id": ""}, _UNKNOWN),
    "a run that leaves the folder": ({"run_id": f"../../{ESCAPE}"}, _UNKNOWN),
    "a run with control characters": ({"run_id": "run-1\x00\x1b[2J\n"}, _UNKNOWN),
    "a run of 900,000 letters": ({"run_id": "r" * 900_000}, _UNKNOWN),
    "a run as SQL": ({"run_id": "run-1' OR '1'='1"}, _UNKNOWN),
    "a round after the plan's last": ({"round_number": 4}, _MALFORMED),
    "round 0": ({"round_number": 0}, _MALFORMED),
    "round -1": ({"round_number": -1}, _MALFORMED),
    "round 2**31": ({"round_number": 2**31}, _MALFORMED),
    "a round that is true": ({"round_number": True}, _MALFORMED),
    "a round that is a fraction": ({"round_number": 2.0}, _MALFORMED),
    "a round that is a text": ({"round_number": "2"}, _MALFORMED),
    "an index twice": (_indices(10, 11, 10), _MALFORMED),
    "an index after the last": (_indices(10, PLAN.transfer_size), _MALFORMED),
    "a negative index": (_indices(-1, 10), _MALFORMED),
    "the least index": (_indices(-(2**31)), _MALFORMED),
    "no index": (_indices(), _MALFORMED),
    "indices of 64 bits": (_indices(10, 11, dtype=np.int64), _MALFORMED),
    "indices that are floats": (_indices(10, 11, dtype=np.float32), _MALFORMED),
    "indices that are booleans": (_indices(1, 0, dtype=np.bool_), _MALFORMED),
    "indices of two axes": ({"indices": _FREE[None]}, _MALFORMED),
    "an index without an axis": ({"indices": np.int32(10)}, _MALFORMED),
    "four million indices": (
        {"indices": np.zeros(4_000_000, np.int32)},
        _MALFORMED,
    ),
    "labels once too often": ({"indices": USED}, "query-limit"),
    "one label once too often": (_indices(10, 11, 1), "query-limit"),
    "a consensus of NaN": ({"consensus": _spoiled(np.nan)}, _MALFORMED),
    "an infinite consensus": ({"consensus": _spoiled(np.inf)}, _MALFORMED),
    "a consensus that sums to more than 1": ({"consensus": _spoiled(0)}, _MALFORMED),
    "a consensus of certain nothing": (
        {"consensus": np.full((6, NUM_CLASSES), -1e30, np.float32)},
        _MALFORMED,
    ),
    "a consensus of nine classes": (
        {"consensus": make_consensus(_SIX)[:, :-1]},
        _MALFORMED,
    ),
    "a consensus of fewer rows": ({"consensus": make_consensus(_SIX[:5])}, _MALFORMED),
    "a consensus without rows": ({"consensus_indices": _SIX[:0]}, _MALFORMED),
    "a consensus in another codec": (
        {"consensus": np.exp(make_consensus(_SIX)).astype(np.float16)},
        _MALFORMED,
    ),
    "a consensus of whole numbers": (
        {"consensus": np.zeros((6, NUM_CLASSES), np.int64)},
        _MALFORMED,
    ),
    "a consensus without an axis": ({"consensus": np.float32(0)}, _MALFORMED),
    "a consensus of five axes": (
        {"consensus": make_consensus(_SIX).reshape(6, 1, 1, 1, -1)},
        _MALFORMED,
    ),
    "a pickled consensus": (
        {"consensus": np.frombuffer(PICKLE, np.uint8)},
        _MALFORMED,
    ),
    "a consensus on examples that are none": (
        {"consensus_indices": _SIX + PLAN.transfer_size},
        _MALFORMED,
    ),
    "a consensus on one example": ({"consensus_indices": _SIX * 0}, _MALFORMED),
    "a ledger of 2**62 entries": ({"ledger_entries": 2**62}, "ledger-rolled-back"),
    "a ledger of 2**70 entries": ({"ledger_entries": 2**70}, "ledger-rolled-back"),
    "a ledger of half an entry": ({"ledger_entries": 0.5}, _MALFORMED),
}
# Whole numbers that SQLite has no room for.
_HUGE = {
    "round 2**63": 2**63,
    "round -2**63 - 1": -(2**63) - 1,
    "round 1e30": 10**30,
}
_ANSWERED = dict(FIRST)


def _second(*, round_number: object = 2, **changes: Any) -> Envelope:
    request = round_request(2, **({"indices": _FREE} | changes))
    return _edited(request, round_number=round_number)


def _edited(request: Envelope, *, without: str = "", **fields: Any) -> Envelope:
    """Returns a request with other fields, without one array."""
    arrays = {name: one for name, one in request.arrays.items() if name != without}
    return Envelope(
        kind=request.kind, arrays=arrays, fields=dict(request.fields) | fields
    )


def _closed_round() -> Envelope:
    return round_request(2, run_id=CLOSED, indices=_FREE)


def _as_reply() -> Envelope:
    return RoundReply(
        run_id="run-1",
        round_number=2,
        transfer_set_id="a" * 64,
        soft_labels=make_consensus(_SIX),
        budget_exhausted=False,
        ledger_entries=0,
    ).to_envelope()


def _with_array() -> Envelope:
    arrays = dict(_second().arrays) | {"weights": np.zeros(3, np.float32)}
    return Envelope(kind=MessageKind.ROUND, arrays=arrays, fields=_second().fields)


# Requests that are more than a change of one argument.
_OTHERS: dict[str, tuple[Callable[[], Envelope], str]] = {
    "an answered round with other indices": (
        lambda: round_request(**_ANSWERED | {"indices": _FREE}),
        "request-changed",
    ),
    "an answered round with fewer indices": (
        lambda: round_request(**_ANSWERED | {"indices": USED[:-1]}),
        "request-changed",
    ),
    "an answered round with another consensus": (
        lambda: round_request(
            **_ANSWERED,
            consensus_indices=_SIX,
            consensus=make_consensus(_SIX),
        ),
        "request-changed",
    ),
    "a round after the finish": (_closed_round, "plan-not-allowed"),
    "another finish after the finish": (
        lambda: finish_request(2, run_id=CLOSED),
        "plan-not-allowed",
    ),
    "the same finish with a consensus": (
        lambda: finish_request(
            1,
            run_id=CLOSED,
            consensus_indices=_SIX,
            consensus=make_consensus(_SIX),
        ),
        "request-changed",
    ),
    "a finish that wants labels": (
        lambda: round_request(3, is_finish=True),
        _MALFORMED,
    ),
    "a finish of round 0": (lambda: finish_request(0), _MALFORMED),
    "a finish after the plan's last": (lambda: finish_request(4), _MALFORMED),
    "a finish of a run that nobody knows": (
        lambda: finish_request(3, run_id="run-8"),
        _UNKNOWN,
    ),
    "a round without indices": (
        lambda: _edited(_second(), without="indices"),
        _MALFORMED,
    ),
    "a round without a consensus": (
        lambda: _edited(_second(), without="consensus"),
        _MALFORMED,
    ),
    "a round with weights": (_with_array, _MALFORMED),
    "a round with a plan's field": (
        lambda: _edited(_second(), noise_multiplier=0.0),
        _MALFORMED,
    ),
    "a round with a refusal in it": (
        lambda: _edited(_second(), refusal="busy"),
        _MALFORMED,
    ),
    "a round reply as a request": (_as_reply, _MALFORMED),
    "a round without anything": (
        lambda: Envelope(kind=MessageKind.ROUND),
        _MALFORMED,
    ),
}


def _changed(name: str, changes: dict[str, Any], reason: str) -> Attack:
    return refused(name, lambda: _second(**changes), reason)


ROUNDS: tuple[Attack, ...] = (
    *(_changed(name, new, why) for name, (new, why) in _REFUSED.items()),
    *(
        _changed(name, {"round_number": number}, _MALFORMED)
        for name, number in _HUGE.items()
    ),
    *(refused(name, make, why) for name, (make, why) in _OTHERS.items()),
)
