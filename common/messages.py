"""What server and site say to each other: typed messages, each over one envelope.

A reply holds soft labels and the public facts that a site may state, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from common.envelope import Array, Envelope, MessageKind, expect, typed_fields
from common.errors import InvalidReplyError
from common.run_plan import RunPlan


class RefusalReason(Enum):
    """Why a site does not do what it was asked: closed, and never about a value."""

    MALFORMED_REQUEST = "malformed-request"
    VERSION_MISMATCH = "version-mismatch"
    UNKNOWN_RUN = "unknown-run"
    PLAN_CHANGED = "plan-changed"
    PLAN_NOT_ALLOWED = "plan-not-allowed"
    MECHANISM_NOT_ALLOWED = "mechanism-not-allowed"
    NON_PRIVATE_NOT_ALLOWED = "non-private-not-allowed"
    MODEL_NOT_ALLOWED = "model-not-allowed"
    CLASSES_MISMATCH = "classes-mismatch"
    TRANSFER_SET_MISMATCH = "transfer-set-mismatch"
    REQUEST_CHANGED = "request-changed"
    REPLY_PURGED = "reply-purged"
    DATA_CHANGED = "data-changed"
    BUSY = "busy"
    RUN_NOT_ALLOWED = "run-not-allowed"
    QUERY_LIMIT = "query-limit"
    TRANSFER_SET_MISSING = "transfer-set-missing"
    LEDGER_ROLLED_BACK = "ledger-rolled-back"
    LEDGER_UNAVAILABLE = "ledger-unavailable"
    INTERNAL_ERROR = "internal-error"


@dataclass(frozen=True, kw_only=True, eq=False)
class HelloRequest:
    """Server to site: will you take part in this run?"""

    plan: RunPlan

    def to_envelope(self) -> Envelope:
        """Returns the message as it travels."""
        return Envelope(kind=MessageKind.HELLO, fields=self.plan.to_fields())

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> HelloRequest:
        """Raises InvalidReplyError if the envelope holds something else."""
        expect(envelope, MessageKind.HELLO, arrays=())
        try:
            return cls(plan=RunPlan.from_fields(dict(envelope.fields)))
        except (ValueError, TypeError) as error:
            raise InvalidReplyError(f"Not a run plan: {error}") from error


@dataclass(frozen=True, kw_only=True, eq=False)
class HelloReply:
    """Site to server: public facts, and what the site committed for this run.

    Attributes:
        site_name: public, stable name of the site.
        software: versions, for example ``"fedstill 0.1.0, torch 2.13.0"``.
        num_classes: number of classes, from the site's config.
        has_transfer_set: whether the site holds the plan's transfer set. If not,
            nothing is committed yet: it wants the set, and hello again.
        nominal_examples: the public constant in the site's policy.
        epsilon: the most the site will spend in this run; 0 where no private round
            is affordable, infinite without privacy.
        delta: target delta.
        rounds: rounds with private training that the site committed; later rounds
            are answered without reading private data.
        ledger_entries: number of entries in the site's ledger.
    """

    site_name: str
    software: str
    num_classes: int
    has_transfer_set: bool
    nominal_examples: int
    epsilon: float
    delta: float
    rounds: int
    ledger_entries: int

    def to_envelope(self) -> Envelope:
        """Returns the message as it travels."""
        return Envelope(
            kind=MessageKind.HELLO,
            fields={name: getattr(self, name) for name in _HELLO_REPLY},
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> HelloReply:
        """Raises InvalidReplyError if the envelope holds something else."""
        expect(envelope, MessageKind.HELLO, arrays=(), fields=_HELLO_REPLY)
        return cls(**typed_fields(envelope, _HELLO_REPLY))


@dataclass(frozen=True, kw_only=True, eq=False)
class RoundRequest:
    """Server to site: digest this consensus, revisit, and label these examples.

    Attributes:
        run_id: our own run id.
        round_number: counted from 1; in a :attr:`MessageKind.FINISH` request the
            number of the last round.
        indices: int32 [num_next], transfer examples to label; empty at finish.
        consensus_indices: int32 [num_consensus]; empty before the first consensus.
        consensus: payload of num_consensus rows by the plan's codec, in its shape.
        ledger_entries: the most that this site ever said its ledger has; a ledger
            with fewer was set back.
    """

    run_id: str
    round_number: int
    indices: NDArray[np.int32]
    consensus_indices: NDArray[np.int32]
    consensus: Array
    ledger_entries: int = 0
    is_finish: bool = False

    def to_envelope(self) -> Envelope:
        """Returns the message as it travels."""
        return Envelope(
            kind=MessageKind.FINISH if self.is_finish else MessageKind.ROUND,
            arrays={name: getattr(self, name) for name in _ROUND_ARRAYS},
            fields={name: getattr(self, name) for name in _ROUND_REQUEST},
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> RoundRequest:
        """Raises InvalidReplyError if the envelope holds something else."""
        is_finish = envelope.kind is MessageKind.FINISH
        kind = MessageKind.FINISH if is_finish else MessageKind.ROUND
        expect(envelope, kind, arrays=_ROUND_ARRAYS, fields=_ROUND_REQUEST)
        arrays: dict[str, Any] = dict(envelope.arrays)
        for name in ("indices", "consensus_indices"):
            if arrays[name].dtype != np.int32 or arrays[name].ndim != 1:
                raise InvalidReplyError(f"Expected {name} to be int32 of one axis.")
        return cls(
            **typed_fields(envelope, _ROUND_REQUEST), **arrays, is_finish=is_finish
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class RoundReply:
    """Site to server: soft labels by the plan's codec, and two public facts.

    Attributes:
        run_id: of the request.
        round_number: of the request.
        transfer_set_id: content id of the transfer set that was labelled.
        soft_labels: payload of the asked rows in the codec's shape; no rows at finish.
        budget_exhausted: whether the site is past its committed private rounds.
        ledger_entries: number of entries in the site's ledger, once this is released.
    """

    run_id: str
    round_number: int
    transfer_set_id: str
    soft_labels: Array
    budget_exhausted: bool
    ledger_entries: int
    is_finish: bool = False

    def to_envelope(self) -> Envelope:
        """Returns the message as it travels."""
        return Envelope(
            kind=MessageKind.FINISH if self.is_finish else MessageKind.ROUND,
            arrays={"soft_labels": self.soft_labels},
            fields={name: getattr(self, name) for name in _ROUND_REPLY},
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> RoundReply:
        """Raises InvalidReplyError if the envelope holds something else."""
        is_finish = envelope.kind is MessageKind.FINISH
        kind = MessageKind.FINISH if is_finish else MessageKind.ROUND
        expect(envelope, kind, arrays=("soft_labels",), fields=_ROUND_REPLY)
        return cls(
            **typed_fields(envelope, _ROUND_REPLY),
            soft_labels=envelope.arrays["soft_labels"],
            is_finish=is_finish,
        )


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Site to server: no, for one of a closed set of reasons.

    Attributes:
        kind: of the request.
        site_name: public name of the site.
        reason: why.
    """

    kind: MessageKind
    site_name: str
    reason: RefusalReason

    def to_envelope(self) -> Envelope:
        """Returns the message as it travels."""
        return Envelope(
            kind=self.kind,
            fields={"refusal": self.reason.value, "site_name": self.site_name},
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> Refusal | None:
        """Returns the refusal in a reply, or None where the reply is none.

        Raises:
            InvalidReplyError: a refusal with an unknown reason or with other content.
        """
        if "refusal" not in envelope.fields:
            return None
        expect(envelope, envelope.kind, arrays=(), fields=_REFUSAL)
        values = typed_fields(envelope, _REFUSAL)
        try:
            reason = RefusalReason(values["refusal"])
        except ValueError as error:
            raise InvalidReplyError("A refusal for no known reason.") from error
        return cls(kind=envelope.kind, site_name=values["site_name"], reason=reason)


_ROUND_ARRAYS = ("indices", "consensus_indices", "consensus")
_ROUND_REQUEST: dict[str, type] = {
    "run_id": str,
    "round_number": int,
    "ledger_entries": int,
}
_REFUSAL: dict[str, type] = {"refusal": str, "site_name": str}
_HELLO_REPLY: dict[str, type] = get_type_hints(HelloReply)
_ROUND_REPLY: dict[str, type] = {
    "run_id": str,
    "round_number": int,
    "transfer_set_id": str,
    "budget_exhausted": bool,
    "ledger_entries": int,
}
