"""The ledger against its own entries, its second head, and an auditor's eyes."""

from __future__ import annotations

import json
from pathlib import Path

from client.owner.ledger_report import LedgerReport, verify
from client.owner.open_site import open_store, second_head
from client.owner.policy_file import PolicyFile
from client.owner.statement import Statement, make_statement, verify_statement
from client.owner.statement_key import statement_key
from client.owner.status import account_of
from client.storage.store_lock import store_lock
from common.atomic_file import write_atomically
from common.config.problems import shown
from common.errors import ConfigError, DataError


def verified(policy_file: PolicyFile) -> LedgerReport:
    """Returns the ledger's report, once its second head agrees; writes nothing.

    Raises:
        DataError: there is no ledger yet.
        LedgerUnavailableError: ledger or second head cannot be read.
        LedgerCorruptedError: the ledger cannot be believed, or was set back.
    """
    if not policy_file.ledger_path.exists():
        raise DataError(
            f"Ledger {policy_file.ledger_path} is not there: nothing was spent under "
            "this policy yet. Nothing was verified."
        )
    store = open_store(policy_file, read_only=True)
    try:
        report = verify(store, account_of(policy_file))
        head_file = second_head(policy_file)
        is_new = report.head.entries == 0 and not has_second_head(policy_file)
        # A new ledger would go on record, and this command writes nothing.
        if head_file is not None and not is_new:
            head_file.check(store.ledger(policy_file.dataset_id))
        return report
    finally:
        store.close()


def has_second_head(policy_file: PolicyFile) -> bool:
    """Returns whether there is a file of second heads, of any dataset id."""
    path = policy_file.ledger.second_head
    return bool(path) and Path(path).exists()


def write_statement(policy_file: PolicyFile, output: Path) -> str:
    """Writes a signed statement of the verified ledger; returns the public key.

    Args:
        policy_file: the owner's.
        output: file to write; its folder must exist.

    Raises:
        DataError: there is no ledger yet, or the key cannot be used.
        LedgerUnavailableError: ledger or key cannot be read.
        LedgerCorruptedError: the ledger cannot be believed, or was set back.
    """
    report = verified(policy_file)
    content = make_statement(report, statement_key(Path(policy_file.folder)))
    write_atomically(output, content)
    return str(json.loads(content)["public_key"])


def read_statement(path: Path, public_key: str | None) -> Statement:
    """Returns what a statement says, once it holds.

    Args:
        path: of the statement.
        public_key: the only key whose word counts; None for any.

    Raises:
        DataError: it cannot be read, or proves nothing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"Statement {path} cannot be read: {error.strerror}. Nothing was verified."
        ) from error
    return verify_statement(content, public_key)


def remake_second_head(policy_file: PolicyFile) -> int:
    """Records the ledger as it is, and returns its number of entries.

    Raises:
        ConfigError: the policy names no second head.
        LedgerUnavailableError: a custodian has the ledger, or it cannot be read.
        LedgerCorruptedError: the ledger cannot be believed.
    """
    head_file = second_head(policy_file)
    if head_file is None:
        raise ConfigError(
            f"[ledger] second-head = {shown('')}: must name a file on other storage. "
            "Nothing was written."
        )
    with store_lock(policy_file.ledger_path):
        store = open_store(policy_file)
        try:
            ledger = store.ledger(policy_file.dataset_id)
            head_file.remake(ledger)
            return ledger.entry_count()
        finally:
            store.close()
