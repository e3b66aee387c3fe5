"""A ledger's report, as lines and as figures."""

from __future__ import annotations

import math
from typing import Any

from client.owner.ledger_report import LedgerReport, RunReport


def report_lines(report: LedgerReport) -> list[str]:
    """Returns what was recomputed, a line a run."""
    head, spent = report.head, report.spent
    lines = [
        f"Ledger of {report.dataset_id} at site {report.site_name}",
        f"  chain      {head.entries} entries, each names the one before",
        f"  head       {head.sha256}",
        f"  spent      epsilon {_epsilon(spent.epsilon)} at delta {spent.delta:g}",
        f"  budget     epsilon {report.budget.epsilon:g}: "
        + ("kept" if report.is_within_budget else "EXCEEDED"),
    ]
    lines += [line for run in report.runs for line in _run_lines(run)]
    if not report.is_believable:
        lines.append("The ledger is not to be believed: see above.")
    return lines


def report_figures(report: LedgerReport) -> dict[str, Any]:
    """Returns the same as values that JSON knows; no guarantee is null."""
    return {
        "site_name": report.site_name,
        "dataset_id": report.dataset_id,
        "entries": report.head.entries,
        "head_sha256": report.head.sha256,
        "is_believable": report.is_believable,
        "is_within_budget": report.is_within_budget,
        "budget": {"epsilon": report.budget.epsilon, "delta": report.budget.delta},
        "spent": _finite(report.spent.epsilon),
        "committed": _finite(report.counted.epsilon),
        "runs": [
            {
                "run_id": run.run_id,
                "plan_id": run.plan_id,
                "rounds": run.rounds,
                "charged": run.reserved,
                "answered": run.settled,
                "is_closed": run.is_closed,
                "epsilon_committed": _finite(run.committed),
                "epsilon_recomputed": _finite(run.recomputed),
                "epsilon_spent": _finite(run.spent.epsilon),
                "delta": run.spent.delta,
            }
            for run in report.runs
        ],
    }


def _run_lines(run: RunReport) -> list[str]:
    epsilon, delta = _epsilon(run.spent.epsilon), run.spent.delta
    rounds = f"{run.reserved} of {run.rounds} rounds charged, {run.settled} answered"
    lines = [f"  run {run.run_id}: {rounds}, epsilon {epsilon} at delta {delta:g}"]
    if not run.is_as_committed:
        lines.append(
            f"    its plan says epsilon {_epsilon(run.committed)}, its noise and steps "
            f"cost {_epsilon(run.recomputed)}"
        )
    return lines


def _epsilon(epsilon: float) -> str:
    return f"{epsilon:.4g}" if math.isfinite(epsilon) else "none"


def _finite(epsilon: float) -> float | None:
    return epsilon if math.isfinite(epsilon) else None
