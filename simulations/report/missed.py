"""Which sites of a deployed run were missed, in which rounds, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from simulations.report.reasons import absence_words, rejection_words
from simulations.rounds import RoundFigures
from simulations.wording import of_count


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedRow:
    """A site.

    Attributes:
        name: public.
        missed: number of rounds without a usable reply, in words.
        why: a reason each, with its rounds.
    """

    name: str
    missed: str
    why: tuple[str, ...]


def missed_rows(
    sites: Sequence[str], metrics: Sequence[RoundFigures]
) -> tuple[MissedRow, ...]:
    """Returns all sites in order of their names.

    Args:
        sites: names of those that took part.
        metrics: the rounds.
    """
    found: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in sites}
    for one in metrics:
        missed = [(no.site, rejection_words(no.reason)) for no in one.rejections]
        missed += [(no.site, absence_words(no.reason)) for no in one.absences]
        for name, why in missed:
            found.setdefault(name, defaultdict(list))[why].append(one.round)
    return tuple(
        MissedRow(
            name=name,
            missed=_count(sum(map(len, reasons.values()))),
            why=tuple(f"{_rounds(which)}: {why}" for why, which in reasons.items()),
        )
        for name, reasons in sorted(found.items())
    )


def _count(rounds: int) -> str:
    return of_count(rounds, "round") if rounds else "none"


def _rounds(numbers: Sequence[int]) -> str:
    """Returns ``round 2`` or ``rounds 2 to 4, 7``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    texts = [
        f"{span[0]} to {span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans
    ]
    return f"round{'s' if len(numbers) > 1 else ''} {', '.join(texts)}"
