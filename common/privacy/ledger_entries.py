"""The ledger's chain: numbered entries, each of which names all that precede it.

An entry's SHA-256 is over the previous entry's SHA-256 (64 zeros before the first),
followed by the entry as a compact JSON array of dataset id, entry number, kind and
content, so that any auditor can recompute it. An entry that was edited, removed, moved
or copied from another dataset id breaks the chain at its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from common import checks

GENESIS = "0" * 64
_SHA256_DIGITS = 64


class EntryKind(Enum):
    """What an entry records."""

    PLAN = "plan"
    RESERVATION = "reservation"
    SETTLEMENT = "settlement"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHead:
    """Where a chain ends, and by its hash everything that is in it.

    Attributes:
        entries: number of chained entries, of all kinds.
        sha256: of the last entry, hexadecimal; zeros without one.
    """

    entries: int = 0
    sha256: str = GENESIS

    def __post_init__(self) -> None:
        checks.non_negative(entries=self.entries)
        if len(self.sha256) != _SHA256_DIGITS or set(self.sha256) - set(
            "0123456789abcdef"
        ):
            raise ValueError(f"Expected sha256={self.sha256!r} to be 64 hex digits.")
        if (self.entries == 0) != (self.sha256 == GENESIS):
            raise ValueError(f"No chain of {self.entries} entries ends in zeros.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One row as it is stored; believed only once :func:`verify_chain` has seen it.

    Attributes:
        number: counted from 1 within the dataset id.
        kind: value of an :class:`EntryKind`.
        content: canonical JSON object.
        sha256: chained hash, hexadecimal.
    """

    number: int
    kind: str
    content: str
    sha256: str


def next_entry(
    dataset_id: str, head: LedgerHead, kind: EntryKind, content: str
) -> LedgerEntry:
    """Returns the entry that continues a chain."""
    number = head.entries + 1
    return LedgerEntry(
        number=number,
        kind=kind.value,
        content=content,
        sha256=_sha256(head.sha256, dataset_id, number, kind.value, content),
    )


def verify_chain(
    dataset_id: str, entries: Iterable[LedgerEntry], *, after: LedgerHead
) -> LedgerHead:
    """Returns where the chain ends, once every entry continues the one before.

    Args:
        dataset_id: the owner's name for the private data.
        entries: in order, the first of them the one that follows ``after``.
        after: where the verified part ends.

    Raises:
        ValueError: an entry is missing, edited, moved or another dataset id's.
    """
    head = after
    for entry in entries:
        number = head.entries + 1
        if entry.number != number:
            raise ValueError(f"entry {number} is missing, {entry.number!r} follows.")
        expected = _sha256(head.sha256, dataset_id, number, entry.kind, entry.content)
        if entry.sha256 != expected:
            raise ValueError(
                f"the chain is broken at entry {number}: it was edited, or does not "
                "follow the one before."
            )
        head = LedgerHead(entries=number, sha256=expected)
    return head


def _sha256(
    previous: str, dataset_id: str, number: int, kind: str, content: str
) -> str:
    row = json.dumps([dataset_id, number, kind, content], separators=(",", ":"))
    return hashlib.sha256((previous + row).encode("ascii")).hexdigest()
