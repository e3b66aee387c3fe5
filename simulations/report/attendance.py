"""Who answered, round by round: a sentence and a table for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.byte_text import bytes_text
from simulations.report.reasons import absence_words, rejection_words
from simulations.rounds import RoundFigures
from simulations.wording import epsilon_text, percent, seconds_text

NOTHING = "\N{EN DASH}"
# Columns that are left out where they would be empty in every round.
FAULTS = ("Accuracy", "Rejected", "Silent", "Not asked", "Budget ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceRow:
    """A round.

    Attributes:
        cells: as the columns.
        reasons: who was rejected or missed, and why, a line each.
        is_odd: whether anything was out of the ordinary.
    """

    cells: tuple[str, ...]
    reasons: tuple[str, ...]
    is_odd: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """The rounds.

    Attributes:
        sentence: the gist.
        columns: heads of the table.
        rows: a row a round.
    """

    sentence: str
    columns: tuple[str, ...]
    rows: tuple[AttendanceRow, ...]


def attendance(metrics: Sequence[RoundFigures]) -> Attendance:
    """Returns who answered in the rounds of a run."""
    table = [_cells(one) for one in metrics]
    columns = tuple(
        column
        for column in table[0]
        if column not in FAULTS or any(row[column] != NOTHING for row in table)
    )
    rows = tuple(
        AttendanceRow(
            cells=tuple(row[column] for column in columns),
            reasons=(
                *(f"{no.site}: {rejection_words(no.reason)}" for no in one.rejections),
                *(f"{no.site}: {absence_words(no.reason)}" for no in one.absences),
            ),
            is_odd=bool(one.rejected or one.absences or one.silent or one.exhausted),
        )
        for row, one in zip(table, metrics, strict=True)
    )
    return Attendance(sentence=_sentence(metrics), columns=columns, rows=rows)


def _cells(one: RoundFigures) -> dict[str, str]:
    accuracy = one.global_student.test_accuracy
    return {
        "Round": f"{one.round}",
        "Accuracy": NOTHING if accuracy is None else percent(accuracy),
        "Epsilon": epsilon_text(one.privacy.epsilon),
        "Used": f"{one.accepted}/{one.cohort}",
        "Rejected": f"{one.rejected or NOTHING}",
        "Silent": f"{one.silent or NOTHING}",
        "Not asked": f"{_unasked(one) or NOTHING}",
        "Budget ended": f"{one.exhausted or NOTHING}",
        "Up": bytes_text(one.bytes.up),
        "Down": bytes_text(one.bytes.down),
        "Time": seconds_text(one.seconds),
    }


def _unasked(one: RoundFigures) -> int:
    return sum(no.reason != "silent" for no in one.absences)


def _sentence(metrics: Sequence[RoundFigures]) -> str:
    asked = sum(one.cohort for one in metrics)
    accepted = sum(one.accepted for one in metrics)
    if asked == accepted:
        missed = any(map(_unasked, metrics))
        return (
            "Every site that was asked answered in every round, and every reply was "
            f"used.{' Not every site could be asked.' if missed else ''}"
        )
    rejected = sum(one.rejected for one in metrics)
    silent = sum(one.silent for one in metrics)
    return (
        f"{accepted} of {asked} replies were used, {rejected} were rejected and "
        f"{silent} did not come in time. The rounds went on without them."
    )
