"""What a sweep promises about privacy, in the order of NIST SP 800-226.

"Guidelines for Evaluating Differential Privacy Guarantees" (Near, Darais, Lefkovitz &
Howarth, NIST, 2025, https://doi.org/10.6028/NIST.SP.800-226) reads a claim from the top
of a pyramid to its foot: the guarantee (parameters, variant, unit of privacy, other
releases), the algorithms (mechanism, utility, bias), the deployment (queries, trust,
implementation, security, collection).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.config import Config
from simulations.privacy_statement import (
    ALMOST_CERTAIN,
    Clause,
    best_guess,
    group_privacy,
)
from simulations.report.tradeoff_headline import headline_epsilon
from simulations.tradeoff.axes import Axes
from simulations.tradeoff.catalogue import FEDAVG, POOLED
from simulations.wording import delta_text, epsilon_text, of_count

GROUP_SIZE = 2
MECHANISMS = {
    "dp-sgd": "dp-sgd: in every private step each example's gradient is clipped and "
    "Gaussian noise is added to the sum over a Poisson sample.",
    "dp-head": "dp-head: a linear head on features learnt from public inputs alone; in "
    "every round each example's residual is clipped and Gaussian noise is added to the "
    "sum over all examples, without sampling.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One level of the pyramid.

    Attributes:
        title: its name.
        clauses: what a reader has to know, in NIST's order.
    """

    title: str
    clauses: tuple[Clause, ...]


def sweep_headline(config: Config, axes: Axes) -> str:
    """Returns the most important sentence."""
    if not any(math.isfinite(one) for one in axes.epsilons):
        return "Nothing on this page was trained with privacy."
    return (
        "In each private cell, everything that a site let out is differentially "
        f"private for each {config.privacy.unit} in its data, at the epsilon of the "
        f"column and delta {config.privacy.delta:g}. The page as a whole is not, as is "
        "said below."
    )


def sweep_statement(
    config: Config, axes: Axes, *, most_spent: float | None, test_examples: int
) -> tuple[Part, ...]:
    """Returns the statement that the figures of a sweep support, and nothing more.

    Args:
        config: the config that was swept.
        axes: over what.
        most_spent: the largest epsilon in a ledger of a private cell; None without.
        test_examples: in the test part; 0 if not known.
    """
    return (
        Part(title="The guarantee", clauses=_guarantee(config, axes, most_spent)),
        Part(title="The algorithms", clauses=_algorithms(axes, test_examples)),
        Part(title="The deployment", clauses=_deployment(axes)),
    )


def _guarantee(
    config: Config, axes: Axes, most_spent: float | None
) -> tuple[Clause, ...]:
    privacy, epsilon = config.privacy, headline_epsilon(axes)
    unit = privacy.unit
    spent = (
        ""
        if most_spent is None
        else (
            " The most that a ledger held in any private cell is "
            f"{epsilon_text(most_spent)}."
        )
    )
    clauses = [
        Clause(
            title="Epsilon and delta",
            text=(
                "A column's epsilon is the most that one site may spend in one cell, "
                f"over all rounds together, at delta {privacy.delta:g}.{spent} Columns "
                "marked \N{INFINITY} and lines without privacy promise nothing."
            ),
        ),
        *([_meaning(axes, privacy.delta)] if math.isfinite(epsilon) else []),
        Clause(
            title="Variant",
            text=(
                "Approximate differential privacy. All parameters of a run are fixed "
                "before its first output, and its rounds are composed by a tight "
                "accountant, not added up one by one."
            ),
        ),
        Clause(
            title="Unit of privacy and neighbours",
            text=(
                f"One {unit}; neighbours differ by adding or removing one. "
                f"{_group(epsilon, privacy.delta, unit=unit, sites=config.sites)}"
            ),
        ),
        Clause(
            title="Other releases of the same data",
            text=(
                "The cells of a sweep read the same private data again and again, and "
                "whoever sees several of them holds the sum of what they spent. "
                "Choosing an epsilon or a method from this page is a release too: on "
                "real private data do it with a public stand-in."
            ),
        ),
    ]
    return tuple(clauses)


def _meaning(axes: Axes, delta: float) -> Clause:
    guesses = ", ".join(
        f"{_guess_text(best_guess(one, delta))} at {one:g}"
        for one in axes.epsilons
        if math.isfinite(one)
    )
    return Clause(
        title="What the numbers mean",
        text=(
            "Who knows all of a site's data but one example, sees everything that the "
            "site sent, and guesses whether it was there, is right at most this often, "
            f"where a coin is right 50% of the time: {guesses}."
        ),
    )


def _guess_text(guess: float) -> str:
    if guess > ALMOST_CERTAIN:
        return "practically always"
    return f"{math.ceil(guess * 1000) / 10:g}%"


def _group(epsilon: float, delta: float, *, unit: str, sites: int) -> str:
    if math.isinf(epsilon):
        return ""
    group, group_delta = group_privacy(epsilon, delta, size=GROUP_SIZE)
    return (
        f"Who has {GROUP_SIZE} {unit}s at one site has, in the column epsilon "
        f"{epsilon:g}, at most epsilon {epsilon_text(group)} at delta "
        f"{delta_text(group_delta)}; who has one at each of {of_count(sites, 'site')}, "
        f"epsilon {epsilon_text(sites * epsilon)} at delta "
        f"{delta_text(min(1.0, sites * delta))}. Compare epsilons with other work only "
        "at the same unit, neighbours and delta."
    )


def _algorithms(axes: Axes, test_examples: int) -> tuple[Clause, ...]:
    extra = ("dp-sgd",) if FEDAVG in axes.baselines else ()  # what DP-FedAvg takes
    used = " ".join(MECHANISMS[o] for o in dict.fromkeys((*axes.mechanisms, *extra)))
    size = f" of {test_examples:,} examples" if test_examples else ""
    return (
        Clause(
            title="Mechanism",
            text=(
                f"{used} What a site learns from the consensus, and the labels that it "
                "answers with, use private data only through those steps and cost "
                "nothing more."
            ),
        ),
        Clause(
            title="Utility",
            text=(
                f"Accuracy on a test part{size}, mean over "
                f"{of_count(len(axes.seeds), 'seed')}: a seed draws the split, the "
                "partition, the initial weights, the sampling and the noise. The "
                "spread is what one more run may differ by, not an error of the mean."
            ),
        ),
        Clause(
            title="Bias",
            text=(
                "An accuracy over all classes hides whom the noise hurts most: classes "
                "and groups with few examples. This page does not measure it."
            ),
        ),
    )


def _deployment(axes: Axes) -> tuple[Clause, ...]:
    pooled = (
        " The baseline with pooled data trusts one more party: whoever holds them all."
        if POOLED in axes.baselines
        else ""
    )
    return (
        Clause(
            title="Queries",
            text=(
                "A run plan fixes rounds, steps and noise before the first answer. The "
                "server may skip rounds, never add any."
            ),
        ),
        Clause(
            title="Whom one has to trust",
            text=(
                "A site trusts itself alone. The server and the other sites see soft "
                "labels on public examples, and the promise holds against all of them "
                f"together.{pooled}"
            ),
        ),
        Clause(
            title="Implementation",
            text=(
                "Here sampling and noise come from the run seed, so that a cell can be "
                "run again: whoever knows the seed can subtract the noise. A deployed "
                "site draws both from its operating system. Not covered: how long an "
                "answer takes, attacks on floating-point noise."
            ),
        ),
        Clause(
            title="Security and access",
            text=(
                "A simulation holds every site's data in one place and measures what "
                "no site would publish; its folder is not a release. A compromised "
                "site, or a roll-back of its whole disk, is not covered."
            ),
        ),
        Clause(
            title="What is collected",
            text=(
                "Private examples stay at their site. What leaves it are soft labels "
                "on the transfer set, which is public and not protected."
            ),
        ),
    )
