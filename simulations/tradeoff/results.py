"""``results.csv`` and ``results.jsonl``: a row a cell, sorted, in stable columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from common.atomic_file import write_atomically
from simulations.tradeoff.catalogue import VARIES_WITH
from simulations.tradeoff.cell_files import row_to_json
from simulations.tradeoff.cells import CellResult, Row
from simulations.tradeoff.folder import TradeoffFolder

CELL_COLUMNS = ("method", "mechanism", "rule", "partition", "epsilon", "seed")
RESULT_COLUMNS = (
    "test_accuracy",
    "validation_accuracy",
    "epsilon_spent",
    "bytes_up",
    "bytes_down",
    "seconds",
)
COLUMNS = (*CELL_COLUMNS, "delta", *RESULT_COLUMNS, "rounds", "error")


def write_results(folder: TradeoffFolder, rows: Iterable[Row]) -> None:
    """Writes both files; accuracies are shares in [0, 1].

    In the table infinity is ``inf`` and what was not measured is empty; in the JSON
    both are null, where an epsilon is infinite and anything else was not measured.
    """
    ordered = sorted_rows(rows)
    write_atomically(folder.results_csv, to_csv(ordered).encode())
    lines = b"".join(row_to_json(row) + b"\n" for row in ordered)
    write_atomically(folder.results_jsonl, lines)


def sorted_rows(rows: Iterable[Row]) -> list[Row]:
    """Returns the rows in an order that does not depend on which ended first."""
    methods = list(VARIES_WITH)

    def place(row: Row) -> tuple[str, int, str, str, float, int]:
        cell = row.cell
        return (
            cell.partition,
            methods.index(cell.method),
            cell.mechanism,
            cell.rule,
            cell.epsilon,
            cell.seed,
        )

    return sorted(rows, key=place)


def to_csv(rows: Sequence[Row]) -> str:
    """Returns the table as comma-separated values with a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            [
                *(getattr(row.cell, name) for name in CELL_COLUMNS),
                row.delta,
                *_measured(row.result),
                row.error,
            ]
        )
    return text.getvalue()


def _measured(result: CellResult | None) -> list[object]:
    if result is None:
        return [""] * (len(RESULT_COLUMNS) + 1)
    values = [getattr(result, name) for name in RESULT_COLUMNS]
    rounds = len(result.curve)
    return [*("" if value is None else value for value in values), rounds or ""]
