"""Checks on everything that a site says, before a number of it is used.

An answer either becomes a value that can be believed, or a rejection with one of a
closed set of reasons; the round goes on either way. Shapes, types, finiteness and row
sums come from the sender (Flower's arrays carry their own header), so all of it is
checked here against what was asked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.codec import Codec, decode
from common.envelope import Array, MessageKind
from common.errors import InvalidReplyError
from common.messages import (
    HelloReply,
    Refusal,
    RoundReply,
)
from common.run_plan import RunPlan
from server.replies import Answer, Fault, Rejection, RejectionReason, Reply, as_problem

UNNAMED = "an unnamed node"
_SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What a round's reply must fit.

    Attributes:
        run_id: our own run id.
        round_number: counted from 1.
        transfer_set_id: content id of the transfer set.
        indices: int32 [num_examples], the examples to be labelled.
        num_classes: number of classes.
        temperature: of soft labels.
        codec: of soft labels.
    """

    run_id: str
    round_number: int
    transfer_set_id: str
    indices: NDArray[np.int32]
    num_classes: int
    temperature: float
    codec: Codec


class _DroppedError(Exception):
    """Carries a fault out of a chain of checks; never leaves this module."""

    def __init__(self, reason: RejectionReason, problem: str) -> None:
        self.fault = Fault(reason=reason, problem=problem)
        super().__init__(problem)


def check_round_reply(
    answer: Answer, *, site_name: str, asked: Asked
) -> Reply | Rejection:
    """Returns a round's reply, or why it is dropped.

    Args:
        answer: from the exchange.
        site_name: whose answer it is, from the node that was asked; the answer itself
            is not believed on this.
        asked: what the reply must fit.
    """
    consequence = f"Reply dropped for round {asked.round_number}."
    if isinstance(answer, Fault):
        return _rejection(site_name, answer, consequence)
    try:
        refusal = Refusal.from_envelope(answer)
        if refusal is not None:
            return _refused(site_name, refusal, consequence)
        if answer.kind is not MessageKind.ROUND:
            raise _DroppedError(
                RejectionReason.WRONG_KIND,
                f"is of kind {answer.kind.value}, expected {MessageKind.ROUND.value}",
            )
        reply = RoundReply.from_envelope(answer)
        _check_belongs(reply, asked)
        _check_payload(reply.soft_labels, asked)
        return _believed(reply, site_name=site_name, asked=asked)
    except _DroppedError as dropped:
        return _rejection(site_name, dropped.fault, consequence)
    except InvalidReplyError as error:
        fault = Fault(reason=RejectionReason.MALFORMED, problem=as_problem(error))
        return _rejection(site_name, fault, consequence)


def check_hello_reply(answer: Answer, *, plan: RunPlan) -> HelloReply | Rejection:
    """Returns a site's answer to the hello, or why it does not take part.

    A site that lacks the transfer set may still take part, once it has it.

    Args:
        answer: from the exchange.
        plan: the run plan that was sent.
    """
    consequence = "The site does not take part."
    name = UNNAMED
    try:
        if isinstance(answer, Fault):
            return _rejection(name, answer, consequence)
        refusal = Refusal.from_envelope(answer)
        if refusal is not None:
            name = refusal.site_name if _is_site_name(refusal.site_name) else UNNAMED
            return _refused(name, refusal, consequence)
        reply = HelloReply.from_envelope(answer)
        if not _is_site_name(reply.site_name):
            raise _DroppedError(
                RejectionReason.INVALID_SITE_NAME,
                "has a site name that is not 1 to 64 letters, digits, '.', '_' or '-'",
            )
        name = reply.site_name
        _check_fits(reply, plan)
        return reply
    except _DroppedError as dropped:
        return _rejection(name, dropped.fault, consequence)
    except InvalidReplyError as error:
        fault = Fault(reason=RejectionReason.MALFORMED, problem=as_problem(error))
        return _rejection(name, fault, consequence)


def _check_belongs(reply: RoundReply, asked: Asked) -> None:
    if reply.run_id != asked.run_id:
        raise _DroppedError(
            RejectionReason.WRONG_RUN, f"is of another run, expected {asked.run_id}"
        )
    if reply.round_number != asked.round_number:
        raise _DroppedError(
            RejectionReason.WRONG_ROUND,
            f"is of round {reply.round_number}, expected {asked.round_number}",
        )
    if reply.transfer_set_id != asked.transfer_set_id:
        raise _DroppedError(
            RejectionReason.WRONG_TRANSFER_SET,
            f"is on another transfer set, expected {asked.transfer_set_id}",
        )
    if reply.ledger_entries < 0:
        raise _DroppedError(
            RejectionReason.OUT_OF_RANGE,
            f"has ledger_entries {reply.ledger_entries}, expected at least 0",
        )


def _check_payload(payload: Array, asked: Asked) -> None:
    expected_type = np.dtype(asked.codec.dtype)
    if payload.dtype != expected_type:
        raise _DroppedError(
            RejectionReason.WRONG_TYPE,
            f"has type {payload.dtype}, expected {expected_type}",
        )
    expected = asked.codec.payload_shape(len(asked.indices), asked.num_classes)
    if payload.shape != expected:
        raise _DroppedError(
            RejectionReason.WRONG_SHAPE,
            f"has shape {payload.shape}, expected {expected}",
        )
    if not np.isfinite(payload).all():
        raise _DroppedError(
            RejectionReason.NOT_FINITE, "has a NaN or infinity, expected finite numbers"
        )


def _believed(reply: RoundReply, *, site_name: str, asked: Asked) -> Reply:
    try:
        soft_labels = decode(
            reply.soft_labels,
            asked.codec,
            num_classes=asked.num_classes,
            temperature=asked.temperature,
            transfer_set_id=asked.transfer_set_id,
            indices=asked.indices,
        )
    except InvalidReplyError as error:
        # Logits lie on no simplex: all that can be wrong with one is its size.
        are_logits = asked.codec.tolerance is None
        reason = (
            RejectionReason.OUT_OF_RANGE if are_logits else RejectionReason.OFF_SIMPLEX
        )
        raise _DroppedError(reason, as_problem(error)) from error
    return Reply(
        site_name=site_name,
        round_number=asked.round_number,
        soft_labels=soft_labels,
        budget_exhausted=reply.budget_exhausted,
        ledger_entries=reply.ledger_entries,
    )


def _check_fits(reply: HelloReply, plan: RunPlan) -> None:
    """A site may spend less than the plan asks for, never more."""
    if reply.num_classes != plan.num_classes:
        raise _DroppedError(
            RejectionReason.WRONG_NUM_CLASSES,
            f"has {reply.num_classes} classes, expected {plan.num_classes}",
        )
    ranges = {
        "epsilon": (reply.epsilon, 0.0, plan.epsilon),
        "delta": (reply.delta, 0.0, plan.delta),
        "rounds": (reply.rounds, 0, plan.rounds),
        "nominal_examples": (reply.nominal_examples, 1, math.inf),
        "ledger_entries": (reply.ledger_entries, 0, math.inf),
    }
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise _DroppedError(
                RejectionReason.OUT_OF_RANGE,
                f"has {name} {value:g}, expected it in [{low:g}, {high:g}]",
            )
    if reply.rounds > 0 and not reply.has_transfer_set:
        problem = f"commits to rounds without the transfer set {plan.transfer_set_id}"
        raise _DroppedError(RejectionReason.WRONG_TRANSFER_SET, problem)
    if (reply.rounds == 0) != (reply.epsilon == 0):
        raise _DroppedError(
            RejectionReason.OUT_OF_RANGE,
            f"has epsilon {reply.epsilon:g} for {reply.rounds} private rounds, "
            "expected both to be 0 or neither",
        )


def _is_site_name(name: str) -> bool:
    return _SITE_NAME.fullmatch(name) is not None


def _rejection(site_name: str, fault: Fault, consequence: str) -> Rejection:
    return Rejection(
        site_name=site_name,
        reason=fault.reason,
        detail=f"Reply of {site_name} {fault.problem}. {consequence}",
    )


def _refused(site_name: str, refusal: Refusal, consequence: str) -> Rejection:
    return Rejection(
        site_name=site_name,
        reason=RejectionReason.REFUSED,
        detail=f"Reply of {site_name} is a refusal ({refusal.reason.value}). "
        f"{consequence}",
        refusal=refusal.reason,
    )
