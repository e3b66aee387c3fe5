"""What the owner's commands print, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from client.owner.status import RunStatus, SiteStatus
from common.finding import Finding
from common.finding_words import counts_line
from common.findings import exit_code

_NO_GUARANTEE = "none"


def last_finding_line(findings: Sequence[Finding], *, policy: str) -> str:
    """Returns the counts, and what to do next."""
    counts = counts_line(findings)
    if exit_code(findings):
        return f"{counts} Next: do what is said, and check again."
    return f"{counts} Next: fedstill site serve --policy {policy}"


def status_lines(status: SiteStatus) -> list[str]:
    """Returns the account of a dataset id."""
    lines = [
        f"Site {status.site_name}, dataset id {status.dataset_id}",
        f"  budget     epsilon {status.budget_epsilon:g} at delta {status.delta:g}",
        f"  spent      epsilon {_epsilon(status.spent)}, for good",
        f"  committed  epsilon {_epsilon(status.committed)}, open runs included",
        f"  left       epsilon {status.left:.4g} for further runs",
        f"  ledger     {_count(status.entries, 'entry', 'entries')}, chain verified",
    ]
    if status.runs:
        width = max(len("run"), *(len(run.run_id) for run in status.runs))
        lines += ["", f"  {'run'.ljust(width)}  epsilon  rounds     state"]
        lines += [_run_line(run, width) for run in status.runs]
    return lines


def what_is_left(status: SiteStatus) -> str:
    """Returns the budget in one sentence, for the start of a custodian."""
    return (
        f"Budget of {status.dataset_id}: epsilon {_epsilon(status.spent)} of "
        f"{status.budget_epsilon:g} spent, {status.left:.4g} left for further runs."
    )


def _run_line(run: RunStatus, width: int) -> str:
    rounds = f"{run.rounds_charged} of {run.rounds_committed}"
    state = "open" if run.is_open else "closed"
    epsilon = _epsilon(run.epsilon)
    return f"  {run.run_id.ljust(width)}  {epsilon:<7}  {rounds:<9}  {state}"


def _epsilon(epsilon: float | None) -> str:
    return _NO_GUARANTEE if epsilon is None else f"{epsilon:.4g}"


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
