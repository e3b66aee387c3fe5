"""The generated text of the frontier: tables, verdicts, cost, and how it was made."""

from __future__ import annotations

from collections.abc import Sequence

from simulations.frontier.equal_accuracy import equal_accuracy_table
from simulations.frontier.markdown import hours_text, versions_sentence
from simulations.frontier.sweeps import SweepResult
from simulations.frontier.tables import (
    accuracy_table,
    claims_sentence,
    claims_table,
    cost_table,
    total_seconds,
)
from simulations.tradeoff.display import cell_text
from simulations.wording import of_count

FIGURE, BYTES_FIGURE = "images/frontier.svg", "images/frontier-bytes.svg"
MOST_FAILURES_SHOWN = 10


def frontier_text(results: Sequence[SweepResult], *, seeds: int, command: str) -> str:
    """Returns the part of ``docs/frontier.md`` that the command writes.

    Args:
        results: all sweeps, at least one.
        seeds: how many were asked for.
        command: makes the page again.
    """
    return "\n\n".join(
        [
            *_accuracy(results, seeds=seeds),
            *_claims(results),
            *_costs(results),
            _origin(results, command),
            *_failures(results),
        ]
    )


def _accuracy(results: Sequence[SweepResult], *, seeds: int) -> list[str]:
    introduction = (
        "Test accuracy in per cent by epsilon, mean and standard deviation over "
        f"{of_count(seeds, 'seed')}{_fewer_seeds(results, seeds=seeds)}."
    )
    figure = f"![Test accuracy against epsilon, for every partition]({FIGURE})"
    return ["## Accuracy", introduction, accuracy_table(results), figure]


def _fewer_seeds(results: Sequence[SweepResult], *, seeds: int) -> str:
    """Returns which sweeps had fewer seeds, as the end of a sentence."""
    fewer = [one.spec for one in results if one.spec.most_seeds < seeds]
    return "".join(
        f"; of a {spec.students} at epsilon {spec.epsilons.replace(',', ' and ')}, "
        f"{of_count(spec.most_seeds, 'seed')}"
        for spec in fewer
    )


def _claims(results: Sequence[SweepResult]) -> list[str]:
    introduction = (
        "Means over the seeds, in per cent or points, with what was asked in brackets. "
        "A claim has to hold at the worst of the three partitions. "
    )
    sentence = claims_sentence(results)
    return ["## What was asked", introduction + sentence, claims_table(results)]


def _costs(results: Sequence[SweepResult]) -> list[str]:
    cells = sum(len(one.sweep.rows) for one in results)
    seconds = total_seconds(results)
    introduction = (
        f"{of_count(cells, 'cell')} took {hours_text(seconds)} of wall time, one core "
        "a cell, counted one after the other. Bytes of DP-FedAvg are those of its "
        "weights, without an envelope."
    )
    equal = (
        "Bytes that all sites send until the accuracy at which the other one ends; "
        "Fashion-MNIST, Dirichlet 0.1, DP-FedAvg of a cnn:"
    )
    return [
        "## What it costs",
        introduction,
        cost_table(results),
        equal,
        equal_accuracy_table(results),
        f"![Test accuracy against bytes, ours and DP-FedAvg]({BYTES_FIGURE})",
    ]


def _origin(results: Sequence[SweepResult], command: str) -> str:
    versions = versions_sentence(results[0].sweep.folder.environment)
    return f"{versions} Written by `{command}`."


def _failures(results: Sequence[SweepResult]) -> list[str]:
    failed = [row for one in results for row in one.sweep.failed]
    if not failed:
        return []
    shown = [
        f"- {cell_text(row.cell)}: {row.error}" for row in failed[:MOST_FAILURES_SHOWN]
    ]
    verb = "is" if len(failed) == 1 else "are"
    head = f"**{of_count(len(failed), 'cell')} failed and {verb} missing above:**"
    return [head, "\n".join(shown)]
