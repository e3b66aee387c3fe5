"""What a ledger says, recomputed from the file alone: chain, rounds and epsilon."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Protocol

from client.storage.store import Store
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget, PrivacySpent
from common.privacy.events import PrivacyEvent
from common.privacy.ledger import Ledger
from common.privacy.ledger_entries import LedgerEntry, LedgerHead
from common.privacy.ledger_fold import fold
from common.privacy.ledger_rows import CommittedPlan, LedgerContent

# Between versions of an accountant; what was edited by hand is rarely that close.
_TOLERANCE = 0.01


class LedgerOwner(Protocol):
    """What a report needs of a policy; :class:`client.policy.SitePolicy` has it."""

    @property
    def site_name(self) -> str:
        """Public, stable name of the site."""

    @property
    def dataset_id(self) -> str:
        """The owner's name for the private data."""

    @property
    def budget(self) -> PrivacyBudget:
        """Lifetime total of the dataset id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run's part of a ledger.

    Attributes:
        run_id: our own run id.
        plan_id: content id of the run plan.
        rounds: private rounds that were committed.
        reserved: rounds that were charged.
        settled: charged rounds that were answered.
        is_closed: whether no further round may be charged.
        committed: epsilon of all committed rounds alone, as the entry says.
        recomputed: the same, by the accountant of today.
        spent: what the charged rounds cost alone, at the plan's delta.
    """

    run_id: str
    plan_id: str
    rounds: int
    reserved: int
    settled: int
    is_closed: bool
    committed: float
    recomputed: float
    spent: PrivacySpent

    @property
    def is_as_committed(self) -> bool:
        """Whether the plan's epsilon is what its noise and steps cost."""
        return self.committed == self.recomputed or math.isclose(
            self.committed, self.recomputed, rel_tol=_TOLERANCE
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """A verified ledger, and what it amounts to.

    Attributes:
        site_name: of the policy.
        dataset_id: of the policy.
        budget: lifetime total, of the policy.
        entries: every entry as it is stored, verified, in order.
        runs: in the order of their hellos.
        spent: what all charges cost, as a promise: one run by the tight accountant,
            several by the filter.
        counted: the same with open plans counted whole, which is what a further plan
            is decided against.
    """

    site_name: str
    dataset_id: str
    budget: PrivacyBudget
    entries: tuple[LedgerEntry, ...] = field(repr=False)
    runs: tuple[RunReport, ...]
    spent: PrivacySpent
    counted: PrivacySpent

    @property
    def head(self) -> LedgerHead:
        """Where the chain ends."""
        if not self.entries:
            return LedgerHead()
        last = self.entries[-1]
        return LedgerHead(entries=last.number, sha256=last.sha256)

    @property
    def is_within_budget(self) -> bool:
        """Whether what was spent is covered by the policy's budget."""
        return self.budget.covers(self.spent)

    @property
    def is_believable(self) -> bool:
        """Whether every plan's epsilon is what its noise and steps cost."""
        return all(run.is_as_committed for run in self.runs)


def verify(store: Store, policy: LedgerOwner) -> LedgerReport:
    """Returns what a ledger amounts to, read and verified from its first entry on.

    Args:
        store: opened with ``read_only=True``; a custodian may be at work.
        policy: whose dataset id and budget.

    Raises:
        LedgerCorruptedError: the chain is broken, or entries contradict one another.
        LedgerUnavailableError: the file cannot be read.
        AdjacencyMismatchError: the budget has another unit or adjacency.
    """
    # A ledger of its own, which remembers nothing that another one verified.
    ledger = Ledger(store.connection, policy.dataset_id, read_only=True)
    entries = ledger.entries()
    content = fold(LedgerContent(), entries)
    return LedgerReport(
        site_name=policy.site_name,
        dataset_id=policy.dataset_id,
        budget=policy.budget,
        entries=tuple(entries),
        runs=tuple(_run_report(content, plan) for plan in content.plans),
        spent=content.lifetime_spent(policy.budget),
        counted=content.counted_spent(policy.budget),
    )


def _run_report(content: LedgerContent, plan: CommittedPlan) -> RunReport:
    reservations = content.reservations_of(plan.run_id)
    commitment, delta = plan.commitment, plan.commitment.delta
    whole = (
        []
        if plan.event is None
        else [replace(plan.event, steps=commitment.rounds * plan.event.steps)]
    )
    return RunReport(
        run_id=plan.run_id,
        plan_id=plan.plan_id,
        rounds=commitment.rounds,
        reserved=len(reservations),
        settled=sum(one.is_settled for one in reservations),
        is_closed=plan.is_closed,
        committed=commitment.epsilon,
        recomputed=spent(whole, delta=delta).epsilon,
        spent=spent([one.event for one in reservations], delta=delta),
    )


def _whole(event: PrivacyEvent, rounds: int) -> PrivacyEvent:
    return replace(event, steps=rounds * event.steps)
