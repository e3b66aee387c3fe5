"""Brings the transfer set to sites that do not hold it: chunk after chunk, in order.

A site answers each chunk with the row that it wants next, so a delivery that broke off
goes on where it was: the first chunk is sent again, and the site asks for what follows.
"""

from __future__ import annotations

import math

import numpy as np

from common.envelope import Envelope
from common.errors import InvalidReplyError
from common.messages import Refusal
from common.transfer_messages import TransferChunk, TransferProgress
from common.transfer_set import TransferSet
from server.replies import Answer, Fault, Rejection, RejectionReason, as_problem

CHUNK_BYTES = 2**20  # of one chunk's rows; at least one row travels

_CONSEQUENCE = "The site does not take part."


class TransferDelivery:
    """Makes the chunks of one transfer set, and reads what sites say to them.

    Args:
        transfer_set: what is delivered.
    """

    def __init__(self, transfer_set: TransferSet) -> None:
        self._transfer_set = transfer_set
        self._rows = max(1, CHUNK_BYTES // int(transfer_set.inputs[0].nbytes))
        self._sent: dict[int, int] = {}  # end of the last chunk, by node

    @property
    def num_chunks(self) -> int:
        """Number of messages that a site without any row needs."""
        return math.ceil(len(self._transfer_set) / self._rows)

    def is_under_way(self, node_id: int) -> bool:
        """Returns whether a node's next answer is one to a chunk."""
        return node_id in self._sent

    def forget(self, node_id: int) -> None:
        """Gives up waiting for a node: its answer went to somebody else."""
        self._sent.pop(node_id, None)

    def begin(self, node_id: int) -> Envelope:
        """Returns the first chunk for a node."""
        return self._chunk(node_id, 0)

    def proceed(self, node_id: int, answer: Answer) -> Envelope | Rejection | None:
        """Returns the next chunk, None once the set is there, or why it ends here.

        Args:
            node_id: whose answer it is.
            answer: to the last chunk; nothing of it is believed.
        """
        sent = self._sent.pop(node_id, 0)
        if isinstance(answer, Fault):
            return _rejected(answer)
        try:
            refusal = Refusal.from_envelope(answer)
            if refusal is not None:
                return Rejection(
                    site_name="a node without the transfer set",
                    reason=RejectionReason.REFUSED,
                    detail="Reply of a node without the transfer set is a refusal "
                    f"({refusal.reason.value}). {_CONSEQUENCE}",
                    refusal=refusal.reason,
                )
            progress = TransferProgress.from_envelope(answer)
        except InvalidReplyError as error:
            return _rejected(
                Fault(reason=RejectionReason.MALFORMED, problem=as_problem(error))
            )
        if progress.transfer_set_id != self._transfer_set.content_id:
            problem = "is on another transfer set"
            return _rejected(
                Fault(reason=RejectionReason.WRONG_TRANSFER_SET, problem=problem)
            )
        whole = len(self._transfer_set)
        # A site that asks for the same rows again would hold the server for ever.
        is_in_order = sent <= progress.next_row <= whole
        if not is_in_order or progress.is_complete != (progress.next_row == whole):
            problem = (
                f"asks for row {progress.next_row} of {whole} "
                f"{'with' if progress.is_complete else 'without'} the whole set, after "
                f"it was sent {sent} rows"
            )
            return _rejected(
                Fault(reason=RejectionReason.OUT_OF_RANGE, problem=problem)
            )
        return None if progress.is_complete else self._chunk(node_id, progress.next_row)

    def _chunk(self, node_id: int, first_row: int) -> Envelope:
        inputs = self._transfer_set.inputs[first_row : first_row + self._rows]
        self._sent[node_id] = first_row + len(inputs)
        return TransferChunk(
            transfer_set_id=self._transfer_set.content_id,
            first_row=first_row,
            num_rows=len(self._transfer_set),
            inputs=np.ascontiguousarray(inputs),
        ).to_envelope()


def _rejected(fault: Fault) -> Rejection:
    return Rejection(
        site_name="a node without the transfer set",
        reason=fault.reason,
        detail=f"Reply of a node without the transfer set {fault.problem}. "
        f"{_CONSEQUENCE}",
    )
