"""How a transfer set reaches a site that does not hold it: chunks of rows, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from common.envelope import Envelope, MessageKind, expect, typed_fields
from common.errors import InvalidReplyError


@dataclass(frozen=True, kw_only=True, eq=False)
class TransferChunk:
    """Server to site: these rows belong to a transfer set.

    Attributes:
        transfer_set_id: content id of the whole set.
        first_row: position of the first row here, from 0.
        num_rows: number of rows of the whole set.
        inputs: float32 [rows, ...].
    """

    transfer_set_id: str
    first_row: int
    num_rows: int
    inputs: NDArray[np.float32]

    def to_envelope(self) -> Envelope:
        """Returns the message as it travels."""
        return Envelope(
            kind=MessageKind.TRANSFER,
            arrays={"inputs": self.inputs},
            fields={name: getattr(self, name) for name in _CHUNK},
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> Self:
        """Raises InvalidReplyError if the envelope holds something else."""
        expect(envelope, MessageKind.TRANSFER, arrays=("inputs",), fields=_CHUNK)
        inputs = envelope.arrays["inputs"]
        if inputs.dtype != np.float32 or inputs.ndim < 2 or len(inputs) == 0:  # noqa: PLR2004
            raise InvalidReplyError(
                "Expected inputs to be float32 of shape [rows, ...], at least one row."
            )
        chunk = cls(**typed_fields(envelope, _CHUNK), inputs=inputs)
        if not 0 <= chunk.first_row <= chunk.num_rows - len(inputs):
            raise InvalidReplyError(
                f"Expected {len(inputs)} rows from row {chunk.first_row} to be among "
                f"the {chunk.num_rows} of the set."
            )
        return chunk

    @property
    def end(self) -> int:
        """Position after the last row here."""
        return self.first_row + len(self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgress:
    """Site to server: so much of the transfer set is here.

    Attributes:
        transfer_set_id: of the request.
        next_row: the row that is wanted next; the number of rows once complete.
        is_complete: whether the whole set is here, by its content id.
    """

    transfer_set_id: str
    next_row: int
    is_complete: bool

    def to_envelope(self) -> Envelope:
        """Returns the message as it travels."""
        return Envelope(
            kind=MessageKind.TRANSFER,
            fields={name: getattr(self, name) for name in _PROGRESS},
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> Self:
        """Raises InvalidReplyError if the envelope holds something else."""
        expect(envelope, MessageKind.TRANSFER, arrays=(), fields=_PROGRESS)
        return cls(**typed_fields(envelope, _PROGRESS))


_CHUNK: dict[str, type] = {"transfer_set_id": str, "first_row": int, "num_rows": int}
_PROGRESS: dict[str, type] = {
    "transfer_set_id": str,
    "next_row": int,
    "is_complete": bool,
}
