"""The requests that the server sends; the same state gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.codec import Codec, empty_payload, encode
from common.envelope import Envelope
from common.messages import RoundRequest
from common.soft_labels import SoftLabels
from server.round_state import RoundState
from server.validation import Asked

# Beside the payload an answer has a header per array and a handful of short fields.
_OVERHEAD_BYTES = 64 * 1024


def round_request(asked: Asked, consensus: SoftLabels | None) -> Envelope:
    """Returns the request of a round.

    Args:
        asked: the round and the examples to be labelled.
        consensus: of the round before; None in the first round.
    """
    indices, payload = _consensus(consensus, asked.codec, asked.num_classes)
    return RoundRequest(
        run_id=asked.run_id,
        round_number=asked.round_number,
        indices=asked.indices,
        consensus_indices=indices,
        consensus=payload,
    ).to_envelope()


def finish_request(state: RoundState, *, codec: Codec, num_classes: int) -> Envelope:
    """Returns the last request of a run: one more consensus to digest.

    Args:
        state: after the last round.
        codec: of soft labels.
        num_classes: number of classes.
    """
    indices, payload = _consensus(state.consensus, codec, num_classes)
    return RoundRequest(
        run_id=state.run_id,
        round_number=state.round_number,
        indices=np.empty(0, np.int32),
        consensus_indices=indices,
        consensus=payload,
        is_finish=True,
    ).to_envelope()


def addressed(request: Envelope, *, ledger_entries: int) -> Envelope:
    """Returns a request as one site gets it.

    Args:
        request: of a round or the finish, for any site.
        ledger_entries: the most that this site ever said its ledger has.
    """
    fields = dict(request.fields) | {"ledger_entries": ledger_entries}
    return replace(request, fields=fields)


def reply_limit(asked: Asked) -> int:
    """Returns the size in bytes above which a reply is not even decoded."""
    payload = asked.codec.payload_bytes(len(asked.indices), asked.num_classes)
    return payload + _OVERHEAD_BYTES


def _consensus(
    consensus: SoftLabels | None, codec: Codec, num_classes: int
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    if consensus is None:
        return np.empty(0, np.int32), empty_payload(codec, num_classes)
    return consensus.indices, encode(consensus, codec)
