"""Which sites of a deployed run were missed, in which rounds, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulations.report.reasons import absence_words, rejection_words
from simulations.rounds import RoundFigures
from simulations.summary import Summary
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
    summary: Summary, metrics: Sequence[RoundFigures]
) -> tuple[MissedRow, ...]:
    """Returns the sites that took part in order of their names, then the others.

    Args:
        summary: knows the names.
        metrics: the rounds.
    """
    return (*_members(summary.sites, metrics), *_strangers(summary, metrics))


def _strangers(
    summary: Summary, metrics: Sequence[RoundFigures]
) -> Iterator[MissedRow]:
    last = metrics[-1].turned_away if metrics else ()
    reasons = {one.site: rejection_words(one.reason) for one in last}
    for name in sorted({*summary.never_came, *reasons} - set(summary.sites)):
        why = reasons.get(name, "it never connected, or had left before it was asked")
        yield MissedRow(name=name, missed="took no part", why=(why,))


def _members(
    sites: Sequence[str], metrics: Sequence[RoundFigures]
) -> tuple[MissedRow, ...]:
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
