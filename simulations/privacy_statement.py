"""What a run promises about privacy, in plain words; the report and the card print it.

The order follows NIST SP 800-226 (2025), "Guidelines for Evaluating Differential
Privacy Guarantees", https://doi.org/10.6028/NIST.SP.800-226: first the parameters and
the unit, then what they leave out, then how they are kept, last who has to be trusted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulations.statement_source import with_privacy, without_privacy
from simulations.summary import PrivacyFigures, Summary
from simulations.wording import delta_text, epsilon_text

GROUP_SIZE = 2
# Above this a bound on the best guess says nothing that helps anybody.
ALMOST_CERTAIN = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One thing that a reader has to know.

    Attributes:
        title: what it is about.
        text: the sentences.
    """

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyStatement:
    """The statement of a run.

    Attributes:
        is_private: whether there is any guarantee; where not, print it in red.
        headline: the most important sentence.
        clauses: the rest, most important first.
    """

    is_private: bool
    headline: str
    clauses: tuple[Clause, ...]


def privacy_statement(summary: Summary) -> PrivacyStatement:
    """Returns the statement that the figures of a run support, and nothing more."""
    if not summary.privacy.is_private:
        return _no_guarantee(summary)
    privacy = summary.privacy
    clauses = [
        _meaning(privacy),
        _unit(privacy),
        _group(privacy),
        _several_sites(summary),
        _how_it_is_kept(summary),
        _whom_to_trust(),
        _left_out(),
        *map(_clause, with_privacy(summary)),
    ]
    return PrivacyStatement(
        is_private=True,
        headline=(
            "Everything that a site let out in this run is differentially private for "
            f"each {privacy.unit} in its data: epsilon "
            f"{epsilon_text(privacy.max_epsilon)} at delta {privacy.delta:g}."
        ),
        clauses=tuple(clauses),
    )


def best_guess(epsilon: float, delta: float) -> float:
    """Returns how often the best membership guess from even odds can be right.

    The largest accuracy, in [0.5, 1], of any test that tells two neighbouring data
    sets apart under (epsilon, delta)-differential privacy: (e^epsilon + delta) /
    (e^epsilon + 1), from the trade-off region of Kairouz, Oh & Viswanath (2015),
    https://arxiv.org/abs/1311.0776.
    """
    odds_against = math.exp(-epsilon)
    return (1 + delta * odds_against) / (1 + odds_against)


def group_privacy(epsilon: float, delta: float, *, size: int) -> tuple[float, float]:
    """Returns (epsilon, delta) for somebody with ``size`` examples at one site.

    Chaining the definition over neighbours gives (k epsilon, delta (e^(k epsilon) - 1)
    / (e^epsilon - 1)), Vadhan (2017), "The Complexity of Differential Privacy", lemma
    2.2. Delta is capped at 1, where nothing is promised.
    """
    growth = sum(math.exp(min(step * epsilon, 700.0)) for step in range(size))
    return size * epsilon, min(1.0, delta * growth)


def _no_guarantee(summary: Summary) -> PrivacyStatement:
    return PrivacyStatement(
        is_private=False,
        headline=(
            "This run promises no privacy at all. Its students were trained on the "
            "private data without noise, and they and their soft labels may reveal "
            "single examples."
        ),
        clauses=tuple(map(_clause, without_privacy(summary))),
    )


def _meaning(privacy: PrivacyFigures) -> Clause:
    guess = best_guess(privacy.max_epsilon, privacy.delta)
    bound = (
        "with an epsilon this large the promise does not rule out that somebody is "
        "right practically always"
        if guess > ALMOST_CERTAIN
        else "nobody, by whatever method, can be right more than "
        f"{math.ceil(guess * 1000) / 10:g}% of the time"
    )
    return Clause(
        title="What the numbers mean",
        text=(
            f"Suppose somebody knows all of a site's data but one {privacy.unit}, sees "
            f"everything that the site sent, and has to guess whether that "
            f"{privacy.unit} was there. Tossing a coin is right 50% of the time; "
            f"{bound}. The smaller epsilon, the closer to the coin."
        ),
    )


def _unit(privacy: PrivacyFigures) -> Clause:
    return Clause(
        title="Whom it protects",
        text=(
            f"The unit is one {privacy.unit}: the promise compares a site's data with "
            f"and without it. The figure is the largest over the sites, each of which "
            "keeps its own budget and ledger, over all rounds together."
        ),
    )


def _group(privacy: PrivacyFigures) -> Clause:
    size = GROUP_SIZE
    epsilon, delta = group_privacy(privacy.max_epsilon, privacy.delta, size=size)
    rest = (
        f"at most epsilon {epsilon_text(epsilon)} at delta {delta_text(delta)}"
        if delta < 1
        else "no promise worth the name"
    )
    return Clause(
        title="A person with several examples",
        text=(
            f"Who has {size} examples at one site has less: {rest}. With more of them "
            "it weakens further, epsilon in proportion and delta exponentially."
        ),
    )


def _several_sites(summary: Summary) -> Clause:
    sites = summary.num_sites
    return Clause(
        title="A person at several sites",
        text=(
            "What those sites spent adds up. For one example at each of the "
            f"{sites} sites that is epsilon "
            f"{epsilon_text(summary.privacy.sum_epsilon)} at delta "
            f"{delta_text(min(1.0, sites * summary.privacy.delta))}."
        ),
    )


def _how_it_is_kept(summary: Summary) -> Clause:
    ended = summary.privacy.budget_exhausted_at_round
    taken = (
        "once a round, each example's residual on public features is clipped and "
        "Gaussian noise is added to the sum over all examples"
        if summary.privacy.mechanism == "dp-head"
        else "in every private step each example's gradient is clipped and Gaussian "
        "noise is added to the sum over a Poisson sample"
    )
    text = (
        f"Mechanism {summary.privacy.mechanism}: {taken}. A step is charged to the "
        "site's ledger before it reads private data. "
        "What a site learns from the consensus, and the labels that it answers with, "
        "use private data only through those steps and cost nothing more."
    )
    if ended is not None:
        text += (
            f" The budget of at least one site had ended by round {ended}: from then "
            "on it learnt from the consensus and answered, but read no private data."
        )
    return Clause(title="How it is kept", text=text)


def _whom_to_trust() -> Clause:
    return Clause(
        title="Whom one has to trust",
        text=(
            "The site alone. The server and the other sites see soft labels on public "
            "examples, and the promise holds against all of them together."
        ),
    )


def _left_out() -> Clause:
    return Clause(
        title="What it does not cover",
        text=(
            "How long a site takes to answer, attacks on floating-point noise, a "
            "compromised site, and a roll-back of its whole disk. Nor does it keep "
            "secret what is true of the population: that smoking harms is learnt with "
            "or without any one smoker."
        ),
    )


def _clause(words: tuple[str, str]) -> Clause:
    title, text = words
    return Clause(title=title, text=text)
