"""The transfer sets that a site holds, by their content id.

A simulated site is given its set. A custodian's shelf is a folder: what a server
delivers is gathered in a spool (:mod:`client.storage.transfer_spool`) and is on the
shelf only once it is whole and its content id is the one that was asked for.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Self

from client.refusal import RequestRefusedError
from client.storage.transfer_spool import TransferSpools
from common.messages import RefusalReason
from common.transfer_messages import TransferChunk, TransferProgress
from common.transfer_set import TransferSet

MOST_BYTES = 2**30  # of all sets and spools in a folder together
MOST_SETS_HELD = 2  # of a folder's, in memory

_CONTENT_ID = re.compile(r"[0-9a-f]{64}")
_LOG = logging.getLogger(__name__)


class TransferShelf:
    """Transfer sets by content id.

    Use :meth:`in_memory` or :meth:`on_disk`.

    Args:
        given: sets that are there whatever happens.
        spools: where delivered sets are; None if nothing can be delivered.
    """

    def __init__(
        self, given: tuple[TransferSet, ...], spools: TransferSpools | None
    ) -> None:
        self._given = {one.content_id: one for one in given}
        self._spools = spools
        self._read: dict[str, TransferSet] = {}

    @classmethod
    def in_memory(cls, *transfer_sets: TransferSet) -> Self:
        """Returns a shelf with these sets, which takes no further ones."""
        return cls(transfer_sets, None)

    @classmethod
    def on_disk(cls, folder: Path, *, most_bytes: int = MOST_BYTES) -> Self:
        """Returns the shelf in a folder, which is made if it is not there.

        Args:
            folder: of the site's own; nobody else writes there.
            most_bytes: of all sets and spools together.
        """
        return cls((), TransferSpools(folder, most_bytes=most_bytes))

    def takes(self, content_id: str) -> bool:
        """Returns whether a set of this content id can be delivered."""
        return self._spools is not None and _is_content_id(content_id)

    def find(self, content_id: str) -> TransferSet | None:
        """Returns a transfer set, or None where it is not on the shelf."""
        if content_id in self._given:
            return self._given[content_id]
        if self._spools is None or not _is_content_id(content_id):
            return None
        if content_id not in self._read:
            found = self._spools.read(content_id)
            if found is None:
                return None
            while len(self._read) >= MOST_SETS_HELD:
                del self._read[next(iter(self._read))]
            self._read[content_id] = found
        return self._read[content_id]

    def receive(
        self, chunk: TransferChunk, *, input_shape: tuple[int, ...]
    ) -> TransferProgress:
        """Takes some rows of a set, and puts it on the shelf once it is whole.

        The same rows may come again: a server repeats what was not acknowledged.

        Args:
            chunk: from a server; nothing of it is believed.
            input_shape: of the site's own examples.

        Raises:
            RequestRefusedError: MALFORMED_REQUEST for a chunk that is none or comes out
                of order; TRANSFER_SET_MISMATCH for examples of another shape, a set
                that is too large or that cannot be delivered, and rows that are not
                those of the content id.
        """
        if not _is_content_id(chunk.transfer_set_id):
            raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST)
        if chunk.inputs.shape[1:] != input_shape:
            raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
        found = self.find(chunk.transfer_set_id)
        if found is not None:
            return _progress(chunk, len(found), is_complete=True)
        if self._spools is None:
            raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
        next_row = self._spools.append(chunk)
        if next_row < chunk.num_rows:
            return _progress(chunk, next_row, is_complete=False)
        self._spools.finish(chunk.transfer_set_id)
        _LOG.info("Transfer set %s is here.", chunk.transfer_set_id)
        return _progress(chunk, next_row, is_complete=True)


def _is_content_id(text: str) -> bool:
    """Whether a text names a set; nothing else ever becomes a part of a path."""
    return _CONTENT_ID.fullmatch(text) is not None


def _progress(
    chunk: TransferChunk, next_row: int, *, is_complete: bool
) -> TransferProgress:
    return TransferProgress(
        transfer_set_id=chunk.transfer_set_id,
        next_row=next_row,
        is_complete=is_complete,
    )
