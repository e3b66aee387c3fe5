"""The table of personal students: what a site has, what it gets, what it keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.config import Config
from simulations.personal_figures import (
    MixAccuracies,
    PersonalComparison,
    PersonalStudentFigures,
    mean_comparison,
)
from simulations.summary import Summary
from simulations.wording import percent, points

MIXES = ("On its own class mix", "On everybody's class mix")
STEP = 0.1  # the dots' scale begins at a multiple of it


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalCell:
    """One site on one mix.

    Attributes:
        alone: accuracy of the site alone, as text.
        everybody: of the global student.
        personal: of the personal student.
        gain: personal over the better of the other two, in points, with its sign.
        is_behind: whether that is a loss.
        dots: (role, per cent of the scale's width), the personal student last, on top.
    """

    alone: str
    everybody: str
    personal: str
    gain: str
    is_behind: bool
    dots: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalRow:
    """One site.

    Attributes:
        name: its public name.
        model: architecture of its own model.
        cells: one for each of :data:`MIXES`.
    """

    name: str
    model: str
    cells: tuple[PersonalCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalTable:
    """The whole section.

    Attributes:
        sentence: what came out, losses included.
        mixes: headings.
        rows: in the order of the sites.
        mean: over the sites.
        low: where the dots' scale begins, as text.
    """

    sentence: str
    mixes: tuple[str, ...]
    rows: tuple[PersonalRow, ...]
    mean: PersonalRow
    low: str


def personal_table(config: Config, summary: Summary) -> PersonalTable | None:
    """Returns the table, or None where no site has a personal student."""
    figures = summary.personal_students
    if figures is None:
        return None
    low = _low(figures)
    models = dict(zip(config.site_names, config.site_models, strict=True))
    mean = mean_comparison(tuple(figures.by_site.values()))
    return PersonalTable(
        sentence=_sentence(figures),
        mixes=MIXES,
        rows=tuple(
            PersonalRow(name=name, model=models[name], cells=_cells(one, low))
            for name, one in sorted(figures.by_site.items())
        ),
        mean=PersonalRow(name="mean", model="", cells=_cells(mean, low)),
        low=f"{low:.0%}",
    )


def _cells(row: PersonalComparison, low: float) -> tuple[PersonalCell, ...]:
    return tuple(
        _cell(*accuracies, low)
        for accuracies in zip(
            _both(row.alone),
            _both(row.global_student),
            _both(row.personal),
            strict=True,
        )
    )


def _cell(alone: float, everybody: float, personal: float, low: float) -> PersonalCell:
    dots = {"alone": alone, "everybody": everybody, "ours": personal}
    gain = personal - max(alone, everybody)
    return PersonalCell(
        alone=percent(alone),
        everybody=percent(everybody),
        personal=percent(personal),
        gain=points(gain),
        is_behind=gain < 0,
        dots=tuple(
            (role, f"{100 * (accuracy - low) / (1 - low):.1f}")
            for role, accuracy in dots.items()
        ),
    )


def _sentence(figures: PersonalStudentFigures) -> str:
    """Says at how many sites the personal student is at least as good, per mix."""
    sites = figures.by_site.values()
    held = [0, 0]
    for one in sites:
        others = zip(_both(one.alone), _both(one.global_student), strict=True)
        for mix, (other, own) in enumerate(
            zip((max(pair) for pair in others), _both(one.personal), strict=True)
        ):
            held[mix] += own >= other
    return (
        "At least as good as the better of the global student and the site alone "
        f"without privacy: at {held[0]} of {len(sites)} sites on their own class mix, "
        f"at {held[1]} on everybody's."
    )


def _both(accuracies: MixAccuracies) -> tuple[float, float]:
    return accuracies.own_mix, accuracies.test_accuracy


def _low(figures: PersonalStudentFigures) -> float:
    least = min(
        accuracy
        for one in figures.by_site.values()
        for student in (one.alone, one.global_student, one.personal)
        for accuracy in _both(student)
    )
    return min(0.9, math.floor(least / STEP) * STEP)
