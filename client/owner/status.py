"""``fedstill site status``: what was spent, on which runs, and what is left.

Read only, so that it works while the site serves. The private data are not read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from client.owner.ledger_report import LedgerReport, RunReport, verify
from client.owner.open_site import open_store
from client.owner.policy_file import PolicyFile
from common.privacy.budget import PrivacyBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose ledger, and what may be spent of it; what a ledger report asks.

    Attributes:
        site_name: of the policy.
        dataset_id: of the policy.
        budget: lifetime total.
    """

    site_name: str
    dataset_id: str
    budget: PrivacyBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """One run of a dataset id.

    Attributes:
        run_id: our own run id.
        epsilon: what its charges cost alone, at ``delta``; None without a guarantee.
        delta: of the run.
        rounds_charged: private rounds, answered or not.
        rounds_committed: the most that it may charge.
        is_open: whether it may still charge.
    """

    run_id: str
    epsilon: float | None
    delta: float
    rounds_charged: int
    rounds_committed: int
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """A dataset id's whole account.

    Attributes:
        site_name: of the policy.
        dataset_id: of the policy.
        budget_epsilon: lifetime total.
        delta: of the budget.
        spent: epsilon of all charges, as a promise; None without a guarantee.
        committed: the same with open runs counted whole.
        left: epsilon for further runs.
        entries: of the ledger, charges and others.
        runs: in the order of their hellos.
    """

    site_name: str
    dataset_id: str
    budget_epsilon: float
    delta: float
    spent: float | None
    committed: float | None
    left: float
    entries: int
    runs: tuple[RunStatus, ...]


def account_of(policy_file: PolicyFile) -> Account:
    """Returns the account that a policy file speaks of."""
    budget = policy_file.budget
    return Account(
        site_name=policy_file.site_name,
        dataset_id=policy_file.dataset_id,
        budget=PrivacyBudget(epsilon=budget.epsilon, delta=budget.delta),
    )


def ledger_report(policy_file: PolicyFile) -> LedgerReport | None:
    """Returns the verified ledger of a policy, None where there is none yet.

    Raises:
        LedgerUnavailableError: the ledger cannot be opened.
        LedgerCorruptedError: the ledger cannot be believed.
    """
    if not policy_file.ledger_path.exists():
        return None
    store = open_store(policy_file, read_only=True)
    try:
        return verify(store, account_of(policy_file))
    finally:
        store.close()


def site_status(policy_file: PolicyFile) -> SiteStatus:
    """Returns the account of a policy's dataset id.

    Raises:
        LedgerUnavailableError: the ledger cannot be opened.
        LedgerCorruptedError: the ledger cannot be believed.
    """
    account, report = account_of(policy_file), ledger_report(policy_file)
    counted = 0.0 if report is None else report.counted.epsilon
    return SiteStatus(
        site_name=account.site_name,
        dataset_id=account.dataset_id,
        budget_epsilon=account.budget.epsilon,
        delta=account.budget.delta,
        spent=0.0 if report is None else _finite(report.spent.epsilon),
        committed=_finite(counted),
        left=max(0.0, account.budget.epsilon - counted),
        entries=0 if report is None else report.head.entries,
        runs=() if report is None else tuple(map(_run_status, report.runs)),
    )


def _run_status(run: RunReport) -> RunStatus:
    return RunStatus(
        run_id=run.run_id,
        epsilon=_finite(run.spent.epsilon),
        delta=run.spent.delta,
        rounds_charged=run.reserved,
        rounds_committed=run.rounds,
        is_open=not run.is_closed,
    )


def _finite(epsilon: float) -> float | None:
    """JSON knows no infinity."""
    return epsilon if math.isfinite(epsilon) else None
