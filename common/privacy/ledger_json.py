"""Entries' contents as canonical JSON: one value, one text.

Sorted keys, no spaces, ASCII; floats by ``repr``, so they come back exactly. JSON has
no infinity: an infinite epsilon is the text ``"inf"``. What is read must be what would
be written, so no text says more or otherwise than its value. An auditor reads it with
SQLite's own functions: ``json_extract(content, '$.noise_multiplier')``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from common.privacy.commitment import Commitment
from common.privacy.events import Adjacency, Mechanism, PrivacyEvent, PrivacyUnit
from common.privacy.ledger_entries import EntryKind
from common.privacy.ledger_rows import (
    Closing,
    CommittedPlan,
    Reservation,
    Settlement,
)

Recorded = CommittedPlan | Reservation | Settlement | Closing


def canonical(fields: Mapping[str, object]) -> str:
    """Returns the one JSON text of an object."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)


def number_to_json(value: float) -> float | str:
    """Returns a float as JSON has it; infinity is the text ``"inf"``."""
    return "inf" if math.isinf(value) else float(value)


def to_content(value: Recorded) -> tuple[EntryKind, str]:
    """Returns kind and content of the entry that records ``value``."""
    match value:
        case CommittedPlan():
            return EntryKind.PLAN, canonical(_plan_fields(value))
        case Reservation():
            return EntryKind.RESERVATION, canonical(_reservation_fields(value))
        case Settlement():
            fields = {
                "run_id": value.run_id,
                "round_number": int(value.round_number),
                "weights_sha256": value.weights_sha256,
                "reply_sha256": value.reply_sha256,
            }
            return EntryKind.SETTLEMENT, canonical(fields)
        case Closing():
            return EntryKind.CLOSE, canonical({"run_id": value.run_id})


def from_content(kind: str, content: str) -> Recorded:
    """Returns what an entry records.

    Raises:
        ValueError: an unknown kind, or a content that is not the one of its value.
        TypeError: a field of another type.
    """
    read = _READERS.get(kind)
    if read is None:
        raise ValueError(f"an entry of the unknown kind {kind!r}.")
    try:
        value = read(json.loads(content))
    except KeyError as error:
        raise ValueError(f"a {kind} without {error}.") from None
    if to_content(value)[1] != content:
        raise ValueError(f"a {kind} is not in canonical form.")
    return value


def _event_fields(event: PrivacyEvent) -> dict[str, object]:
    return {
        "mechanism": event.mechanism.value,
        "noise_multiplier": float(event.noise_multiplier),
        "sampling_probability": float(event.sampling_probability),
        "steps": int(event.steps),
        "unit": event.unit.value,
        "adjacency": event.adjacency.value,
    }


def _plan_fields(plan: CommittedPlan) -> dict[str, object]:
    """A plan without rounds has no event, and none of its fields."""
    commitment = plan.commitment
    fields: dict[str, object] = {
        "run_id": plan.run_id,
        "plan_id": plan.plan_id,
        "rounds": int(commitment.rounds),
        "epsilon": number_to_json(commitment.epsilon),
        "delta": float(commitment.delta),
        "is_indivisible": bool(commitment.is_indivisible),
        "is_first": bool(plan.is_first),
    }
    return fields if plan.event is None else fields | _event_fields(plan.event)


def _reservation_fields(one: Reservation) -> dict[str, object]:
    return {
        "run_id": one.run_id,
        "round_number": int(one.round_number),
        "weights_sha256": one.weights_sha256,
        **_event_fields(one.event),
    }


def _event(fields: Mapping[str, Any]) -> PrivacyEvent:
    return PrivacyEvent(
        mechanism=Mechanism(fields["mechanism"]),
        noise_multiplier=fields["noise_multiplier"],
        sampling_probability=fields["sampling_probability"],
        steps=fields["steps"],
        unit=PrivacyUnit(fields["unit"]),
        adjacency=Adjacency(fields["adjacency"]),
    )


def _plan(fields: Mapping[str, Any]) -> CommittedPlan:
    event = _event(fields) if "mechanism" in fields else None
    epsilon = fields["epsilon"]
    return CommittedPlan(
        run_id=fields["run_id"],
        plan_id=fields["plan_id"],
        commitment=Commitment(
            noise_multiplier=0.0 if event is None else event.noise_multiplier,
            rounds=fields["rounds"],
            epsilon=math.inf if epsilon == "inf" else epsilon,
            delta=fields["delta"],
            is_indivisible=fields["is_indivisible"],
        ),
        event=event,
        is_first=fields["is_first"],
    )


def _reservation(fields: Mapping[str, Any]) -> Reservation:
    return Reservation(
        run_id=fields["run_id"],
        round_number=fields["round_number"],
        weights_sha256=fields["weights_sha256"],
        event=_event(fields),
    )


def _settlement(fields: Mapping[str, Any]) -> Settlement:
    return Settlement(
        run_id=fields["run_id"],
        round_number=fields["round_number"],
        weights_sha256=fields["weights_sha256"],
        reply_sha256=fields["reply_sha256"],
    )


def _closing(fields: Mapping[str, Any]) -> Closing:
    return Closing(run_id=fields["run_id"])


_READERS: dict[str, Callable[[Mapping[str, Any]], Recorded]] = {
    EntryKind.PLAN.value: _plan,
    EntryKind.RESERVATION.value: _reservation,
    EntryKind.SETTLEMENT.value: _settlement,
    EntryKind.CLOSE.value: _closing,
}
