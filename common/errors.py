"""The errors that Fedstill raises on purpose.

::

    FedstillError                      exit code 1: something failed
    |-- ConfigError (ValueError)       exit code 2: the user's config
    |-- DataError (ValueError)         exit code 2: the user's data
    |-- OutputExistsError              exit code 2: the run folder is taken
    |-- InvalidReplyError              a site's reply; the round goes on without it
    |-- QuorumMissedError              exit code 1: too few sites answered
    |-- LedgerCorruptedError           exit code 1: a ledger that cannot be believed
    |   `-- LedgerRolledBackError      it was longer before, or another one
    |-- LedgerUnavailableError         exit code 1: a ledger that cannot be written
    `-- PrivacyError                   exit code 3: refused in a valid config
        |-- BudgetExhaustedError       carries what is left and what was asked
        |-- AdjacencyMismatchError     two privacy statements that do not compare
        |-- UnsupportedEventError      an event that no accountant here knows
        `-- RefusedBySitesError        no site agreed to the run plan

A message names the key or sender, the value, what is allowed and what happens now.
"""

from __future__ import annotations

from typing import ClassVar


class FedstillError(Exception):
    """Base of all; never raised itself."""

    exit_code: ClassVar[int] = 1


class ConfigError(FedstillError, ValueError):
    """A config that cannot be run. Carries every problem found, one a line."""

    exit_code: ClassVar[int] = 2


class DataError(FedstillError, ValueError):
    """Data that are missing, malformed or too few."""

    exit_code: ClassVar[int] = 2


class OutputExistsError(FedstillError):
    """The run folder exists and neither resume nor another name was asked for."""

    exit_code: ClassVar[int] = 2


class InvalidReplyError(FedstillError):
    """A message whose content breaks the schema; its sender is named by the caller."""


class QuorumMissedError(FedstillError):
    """Fewer sites answered in time than the quorum asks for."""


class LedgerCorruptedError(FedstillError):
    """A ledger whose rows contradict one another; nothing is spent on its word."""


class LedgerRolledBackError(LedgerCorruptedError):
    """A ledger that lacks entries which somebody has seen: an older copy."""


class LedgerUnavailableError(FedstillError):
    """A ledger that cannot be read or written now: full, read-only, locked, broken."""


class PrivacyError(FedstillError):
    """Refused by a policy or a budget although the config is valid."""

    exit_code: ClassVar[int] = 3


class BudgetExhaustedError(PrivacyError):
    """A reservation that would exceed the budget.

    Attributes:
        remaining: epsilon that is left, dimensionless.
        requested: epsilon that the refused event would need, dimensionless.
    """

    def __init__(self, *, remaining: float, requested: float) -> None:
        self.remaining = remaining
        self.requested = requested
        super().__init__(
            f"The privacy budget has epsilon {remaining:.4g} left and {requested:.4g} "
            "was requested. Nothing was spent and no private data were read."
        )


class AdjacencyMismatchError(PrivacyError):
    """Two privacy statements with different adjacency or unit were compared."""


class UnsupportedEventError(PrivacyError):
    """An event that the accountant does not know; it counts as infinite epsilon."""


class RefusedBySitesError(PrivacyError):
    """No site agreed to take part in the run."""
