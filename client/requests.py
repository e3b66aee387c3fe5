"""What a round request asks, checked against the plan before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from client.refusal import RequestRefusedError
from common.codec import CODECS, decode
from common.envelope import Envelope
from common.errors import InvalidReplyError
from common.messages import RefusalReason, RoundRequest
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels

_KNOWLEDGE = "ledger_entries"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundTask:
    """A request that fits its plan.

    Attributes:
        request: as it came.
        consensus: to digest; None before the first one.
    """

    request: RoundRequest
    consensus: SoftLabels | None


def request_sha256(envelope: Envelope) -> str:
    """Returns the name of a request in the outbox: of everything that is asked.

    What the server knows of the ledger is left out: it may know more when it asks
    again, and the question is still the same.

    Raises:
        RequestRefusedError: MALFORMED_REQUEST for an array without canonical bytes.
    """
    fields = {
        name: value for name, value in envelope.fields.items() if name != _KNOWLEDGE
    }
    try:
        return replace(envelope, fields=fields).sha256
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        # An array of text, for example, has no canonical bytes.
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error


def check_round(request: RoundRequest, plan: RunPlan) -> RoundTask:
    """Returns the task in a request, a function of request and plan alone.

    Raises:
        RequestRefusedError: MALFORMED_REQUEST for a round outside the plan, indices
            outside the transfer set or repeated, nothing to label in a round or
            something at finish, or a consensus that does not decode.
    """
    is_well_formed = (
        1 <= request.round_number <= plan.rounds
        and _are_distinct_indices(request.indices, plan.transfer_size)
        and _are_distinct_indices(request.consensus_indices, plan.transfer_size)
        and (len(request.indices) == 0) == request.is_finish
    )
    if not is_well_formed:
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST)
    return RoundTask(request=request, consensus=_consensus(request, plan))


def _are_distinct_indices(indices: NDArray[np.int32], transfer_size: int) -> bool:
    in_range = bool(((indices >= 0) & (indices < transfer_size)).all())
    return in_range and len(np.unique(indices)) == len(indices)


def _consensus(request: RoundRequest, plan: RunPlan) -> SoftLabels | None:
    try:
        consensus = decode(
            request.consensus,
            CODECS[plan.codec],
            num_classes=plan.num_classes,
            temperature=plan.temperature,
            transfer_set_id=plan.transfer_set_id,
            indices=request.consensus_indices,
        )
    except (InvalidReplyError, ValueError) as error:
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error
    return consensus if len(consensus) else None
