"""What a run promises, in plain words."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from simulations.privacy_statement import (
    best_guess,
    group_privacy,
    privacy_statement,
)
from tests.simulations.run_folders import make_deployed_summary, make_summary


def _text(summary):
    return " ".join(clause.text for clause in privacy_statement(summary).clauses)


def test_leads_with_the_guarantee_and_its_unit():
    """The first sentence holds epsilon, delta and the unit."""
    statement = privacy_statement(make_summary())

    assert statement.is_private
    assert statement.headline == (
        "Everything that a site let out in this run is differentially private for "
        "each example in its data: epsilon 3.99 at delta 0.001."
    )


def test_says_most_important_things_first():
    """Parameters, unit, groups and sites come before how it is kept, trust, limits."""
    titles = [clause.title for clause in privacy_statement(make_summary()).clauses]

    assert titles == [
        "What the numbers mean",
        "Whom it protects",
        "A person with several examples",
        "A person at several sites",
        "How it is kept",
        "Whom one has to trust",
        "What it does not cover",
        "A run folder of a simulation is not a release",
    ]


def test_gives_group_privacy_the_sum_over_sites_and_the_seeds():
    """Two examples, ten sites and a known seed weaken the promise, and it says so."""
    text = _text(make_summary())

    assert "at most epsilon 7.98 at delta 0.056" in text
    assert "each of the 10 sites that is epsilon 39.90 at delta 0.01." in text
    assert "whoever knows the seed can subtract the noise" in text


def test_names_the_round_in_which_a_budget_had_ended():
    """A run whose budget ended says from which round on."""
    assert "ended by round 4" in _text(make_summary(exhausted_at=4))
    assert "ended" not in _text(make_summary())


def test_promises_nothing_without_privacy():
    """A run without privacy has no epsilon to show and no word of comfort."""
    statement = privacy_statement(make_summary(is_private=False))

    assert not statement.is_private
    assert statement.headline.startswith("This run promises no privacy at all.")
    words = " ".join(clause.text for clause in statement.clauses)
    assert "epsilon" not in words
    assert "not a release" in statement.clauses[-1].title


def test_a_deployed_run_says_whose_figures_they_are_and_what_may_be_given_away():
    """The global student is a release; the ledgers are the sites' own."""
    statement = privacy_statement(make_deployed_summary())

    titles = [clause.title for clause in statement.clauses]
    text = " ".join(clause.text for clause in statement.clauses)
    assert titles[-2:] == ["What may be given away", "Who says so"]
    assert "The global student." in text
    assert "not read from its ledger" in text
    assert "seed" not in text


def test_a_deployed_run_without_privacy_promises_nothing():
    """Neither a release nor noise that nobody can take off."""
    statement = privacy_statement(make_deployed_summary(is_private=False))

    text = " ".join(clause.text for clause in statement.clauses)
    assert not statement.is_private
    assert "policy file of every site that took part" in text
    assert "neither the global student nor the run folder" in text
    assert "release" not in text
    assert "noise" not in text
    assert "simulation" not in text


def test_best_guess_bounds_the_best_test_of_a_gaussian_mechanism():
    """No threshold test on a Gaussian mechanism beats the bound, and some come near."""
    mu, delta = 1.0, 1e-3
    epsilon = _gaussian_epsilon(mu, delta)
    best_test = norm.cdf(mu / 2)  # the optimal threshold at even odds

    bound = best_guess(epsilon, delta)

    assert best_test < bound < 1


def test_best_guess_without_spending_is_a_coin():
    """Epsilon 0 and delta 0 leave nothing but the coin; a large epsilon everything."""
    assert best_guess(0.0, 0.0) == 0.5
    assert best_guess(1000.0, 1e-5) == 1.0


@given(st.floats(0.01, 20), st.floats(1e-9, 1e-3))
def test_groups_of_one_have_the_guarantee_itself(epsilon, delta):
    """Group privacy for one example changes nothing."""
    assert group_privacy(epsilon, delta, size=1) == (epsilon, delta)


def test_group_privacy_covers_what_a_gaussian_mechanism_really_does():
    """The bound for two examples is no smaller than the exact one, which has 2 mu."""
    mu, delta = 1.0, 1e-5
    epsilon, group_delta = group_privacy(_gaussian_epsilon(mu, delta), delta, size=2)

    assert _gaussian_delta(2 * mu, epsilon) <= group_delta


def test_group_privacy_stays_finite():
    """A huge epsilon ends at delta 1, not in an overflow."""
    assert group_privacy(500.0, 1e-5, size=3) == (1500.0, 1.0)


@pytest.mark.parametrize("epsilon", [8.0, 50.0, 1e6])
def test_does_not_boast_of_a_large_epsilon(epsilon):
    """Where the bound is no bound, no percentage is given."""
    summary = make_summary()
    privacy = replace(summary.privacy, max_epsilon=epsilon, sum_epsilon=epsilon)
    changed = replace(summary, privacy=privacy)

    assert "does not rule out" in privacy_statement(changed).clauses[0].text


def _gaussian_delta(mu, epsilon):
    """Exact delta of a Gaussian mechanism (Balle & Wang 2018, theorem 8)."""
    return norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(
        -mu / 2 - epsilon / mu
    )


def _gaussian_epsilon(mu, delta):
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _gaussian_delta(mu, middle) > delta else (low, middle)
        )
    return high
