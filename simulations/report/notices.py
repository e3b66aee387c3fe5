"""What a reader of the report must not overlook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.outcome import Outcome, RunState
from simulations.rounds import RoundFigures
from simulations.summary import Summary
from simulations.wording import of_count


def notices(
    metrics: Sequence[RoundFigures],
    summary: Summary,
    *,
    planned: int,
    outcome: Outcome | None,
) -> tuple[str, ...]:
    """Returns the notices, most important first.

    Args:
        metrics: the rounds.
        summary: the figures.
        planned: rounds.
        outcome: of a deployed run; None for a simulation.
    """
    return (
        *_unfinished(summary, planned, outcome),
        *_accuracy(summary),
        *_budgets(metrics, summary),
    )


def _unfinished(
    summary: Summary, planned: int, outcome: Outcome | None
) -> Iterator[str]:
    if outcome is None or summary.rounds >= planned:
        return
    count = f"round {summary.rounds} of {planned}"
    counted = (
        " Epsilon counts one round more, in which the sites may have been asked."
        if summary.privacy.is_private
        else ""
    )
    if outcome.state is RunState.RUNNING:
        yield (
            f"The run had finished {count} when this page was written, and had not "
            f"said that it had ended.{counted} `fedstill report` writes the page again."
        )
    else:
        yield (
            f"The run ended after {count}: {outcome.error or 'it was cut off.'} What "
            f"is here is what there was.{counted}"
        )


def _accuracy(summary: Summary) -> Iterator[str]:
    if summary.global_student.test_accuracy is None:
        yield (
            "Accuracy was not measured: the coordinator had no labelled examples. "
            "[evaluation] path in the config names a file of them."
        )


def _budgets(metrics: Sequence[RoundFigures], summary: Summary) -> Iterator[str]:
    ended = next((one for one in metrics if one.exhausted), None)
    if ended is not None:
        yield (
            f"The privacy budget of {of_count(ended.exhausted, 'site')} had ended by "
            f"round {ended.round}: from then on they digested the consensus and "
            "answered, without reading private data."
        )
    if summary.privacy.is_private and not summary.privacy.max_epsilon:
        yield (
            "No site spent anything: not one private step was affordable under the "
            "budget."
        )
