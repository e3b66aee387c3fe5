"""A signed statement of what a ledger says, for an auditor who has no access to it.

JSON with the site's public names, its budget, every entry of the ledger and what they
cost, signed by the site's own Ed25519 key. Entries hold public numbers and hashes of
outputs, so a statement has nothing private in it; and no time, so that equal ledgers
give equal statements. An auditor checks the signature, recomputes the chain and,
with an accountant of his own, epsilon.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from client.owner.ledger_report import LedgerReport, RunReport
from common.errors import DataError
from common.privacy.budget import PrivacyBudget, PrivacySpent
from common.privacy.events import Adjacency, PrivacyUnit
from common.privacy.ledger_entries import LedgerEntry, LedgerHead, verify_chain
from common.privacy.ledger_fold import fold
from common.privacy.ledger_json import canonical, number_to_json
from common.privacy.ledger_rows import LedgerContent

_FORMAT = "fedstill-ledger-statement-1"
_TOLERANCE = 1e-6
_RAW_KEY = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement that was verified.

    Attributes:
        site_name: who says so.
        dataset_id: the owner's name for the private data.
        budget: the most that may be spent, epsilon at delta.
        head: where the chain ends.
        content: all plans and charges.
        spent: what all charges cost, recomputed here.
        public_key: Ed25519, 32 bytes, hexadecimal; an auditor compares it with the one
            that the owner gave him by another way.
    """

    site_name: str
    dataset_id: str
    budget: PrivacyBudget
    head: LedgerHead
    content: LedgerContent
    spent: PrivacySpent
    public_key: str


def make_statement(report: LedgerReport, key: Ed25519PrivateKey) -> bytes:
    """Returns the signed statement of a verified ledger, as JSON.

    Args:
        report: of :func:`client.owner.ledger_report.verify`.
        key: of :func:`client.owner.statement_key.statement_key`.
    """
    said = _said(report)
    document = {
        "statement": said,
        "public_key": key.public_key().public_bytes(*_RAW_KEY).hex(),
        "signature": key.sign(_signed_bytes(said)).hex(),
    }
    text = json.dumps(document, sort_keys=True, indent=1, allow_nan=False)
    return f"{text}\n".encode("ascii")


def verify_statement(content: bytes, public_key: str | None = None) -> Statement:
    """Returns what a statement says, once signature, chain and epsilon hold.

    Args:
        content: what :func:`make_statement` returned.
        public_key: hexadecimal; the only key whose word counts, None for any. Without
            it the statement proves that it is whole, not whose it is.

    Raises:
        DataError: it proves nothing, and why.
    """
    try:
        document = json.loads(content)
        said, key = document["statement"], document["public_key"]
        signature = bytes.fromhex(document["signature"])
        if public_key is not None and key != public_key.lower():
            raise _worthless(f"it is signed by {key}, expected {public_key}.")
        verifier = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        verifier.verify(signature, _signed_bytes(said))
        return _believed(said, key)
    except InvalidSignature:
        raise _worthless("its signature is not of this content.") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise _worthless(f"{str(error).rstrip('.')}.") from error


def _said(report: LedgerReport) -> dict[str, object]:
    budget = report.budget
    return {
        "format": _FORMAT,
        "software": _software(),
        "site_name": report.site_name,
        "dataset_id": report.dataset_id,
        "budget": {
            "epsilon": number_to_json(budget.epsilon),
            "delta": budget.delta,
            "unit": budget.unit.value,
            "adjacency": budget.adjacency.value,
        },
        "entries": report.head.entries,
        "head_sha256": report.head.sha256,
        "ledger": [_entry_fields(entry) for entry in report.entries],
        "runs": [_run_fields(run) for run in report.runs],
        "lifetime": _spent_fields(report.spent),
    }


def _entry_fields(entry: LedgerEntry) -> dict[str, object]:
    return {
        "number": entry.number,
        "kind": entry.kind,
        "content": entry.content,
        "sha256": entry.sha256,
    }


def _run_fields(run: RunReport) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "rounds": run.rounds,
        "reserved": run.reserved,
        "settled": run.settled,
        "is_closed": run.is_closed,
        "spent": _spent_fields(run.spent),
    }


def _spent_fields(spent: PrivacySpent) -> dict[str, object]:
    return {"epsilon": number_to_json(spent.epsilon), "delta": spent.delta}


def _signed_bytes(said: dict[str, Any]) -> bytes:
    return f"{_FORMAT}\n{canonical(said)}".encode("ascii")


def _believed(said: dict[str, Any], public_key: str) -> Statement:
    if said["format"] != _FORMAT:
        raise ValueError(f"its format is {said['format']!r}, expected {_FORMAT!r}.")
    entries = [LedgerEntry(**fields) for fields in said["ledger"]]
    head = verify_chain(said["dataset_id"], entries, after=LedgerHead())
    if (head.entries, head.sha256) != (said["entries"], said["head_sha256"]):
        raise ValueError("its entries do not end in its head.")
    content = fold(LedgerContent(), entries)
    budget = _budget(said["budget"])
    spent = content.lifetime_spent(budget)
    epsilon = float(said["lifetime"]["epsilon"])
    if spent.epsilon != epsilon and not math.isclose(
        spent.epsilon, epsilon, rel_tol=_TOLERANCE
    ):
        raise ValueError(
            f"it says epsilon {epsilon:.6g}, its entries cost {spent.epsilon:.6g}."
        )
    return Statement(
        site_name=said["site_name"],
        dataset_id=said["dataset_id"],
        budget=budget,
        head=head,
        content=content,
        spent=spent,
        public_key=public_key,
    )


def _budget(fields: dict[str, Any]) -> PrivacyBudget:
    epsilon = float(fields["epsilon"])
    return PrivacyBudget(
        epsilon=epsilon,
        delta=fields["delta"],
        unit=PrivacyUnit(fields["unit"]),
        adjacency=Adjacency(fields["adjacency"]),
        is_unlimited=math.isinf(epsilon),
    )


def _software() -> str:
    try:
        return f"fedstill {version('fedstill')}"
    except PackageNotFoundError:  # run from its source folder
        return "fedstill source"


def _worthless(problem: str) -> DataError:
    return DataError(f"The statement proves nothing: {problem} Do not rely on it.")
