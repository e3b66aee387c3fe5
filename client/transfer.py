"""A part of a transfer set arrives: no private row is read, and nothing is spent."""

from __future__ import annotations

from client.parts import SiteParts
from client.refusal import RequestRefusedError
from common.envelope import Envelope
from common.errors import InvalidReplyError
from common.messages import RefusalReason
from common.transfer_messages import TransferChunk


def answer_transfer(parts: SiteParts, envelope: Envelope) -> Envelope:
    """Returns how much of a transfer set is here.

    Raises:
        RequestRefusedError: a chunk that is none, or of a set that is not allowed.
    """
    try:
        chunk = TransferChunk.from_envelope(envelope)
    except InvalidReplyError as error:
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error
    if not parts.policy.allows_transfer_set(chunk.transfer_set_id):
        raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
    progress = parts.transfer_sets.receive(chunk, input_shape=parts.input_shape)
    return progress.to_envelope()
