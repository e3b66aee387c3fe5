"""Whoever else remembers how far a ledger was, so that it cannot be set back alone."""

from __future__ import annotations

from typing import Protocol

from common.privacy.ledger import Ledger


class LedgerWatch(Protocol):
    """A second memory of a ledger, on other storage than the ledger's own."""

    def check(self, ledger: Ledger) -> None:
        """Raises LedgerRolledBackError where the ledger is behind what is known."""
        ...

    def advance(self, ledger: Ledger) -> None:
        """Remembers the ledger as it is, before anything leaves on its word."""
        ...
