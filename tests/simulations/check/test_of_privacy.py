"""What a run would promise and spend."""

import math

import pytest

from common.findings import Level
from common.privacy.accountant import gaussian_epsilon
from simulations.check.of_privacy import (
    MOST_ROUNDS_SHOWN,
    _rounds_shown,
    effective_size,
    outlook,
    privacy_findings,
)
from tests.simulations.check.tools import prepared, texts, warnings

FULL = {"train__batch_size": 40, "train__epochs": 1}


def _findings(**changes):
    config, _, plan = prepared(**changes)
    ahead = outlook(config, plan)
    return list(privacy_findings(config, plan, ahead)), ahead


def _figure(findings, name):
    return next(one.figures[name] for one in findings if name in one.figures)


def test_forecasts_epsilon_of_every_round():
    """It grows, and the last is what the config allows, hardly less."""
    found, _ = _findings(**FULL)

    epsilons = _figure(found, "epsilon")
    assert len(epsilons) == 2
    assert 0 < epsilons[0] < epsilons[1] <= 4.0
    assert epsilons[1] == pytest.approx(4.0, rel=5e-3)


def test_full_batches_give_groups_their_exact_epsilon():
    """k examples are k mu under GDP; by Balle and Wang at the same delta."""
    found, ahead = _findings(**FULL)

    noise = _figure(found, "noise_multiplier")
    expected = [gaussian_epsilon(k * math.sqrt(2) / noise, delta=1e-3) for k in (2, 5)]
    assert _figure(found, "group_epsilon") == pytest.approx(expected, rel=1e-6)
    assert _figure(found, "group_delta") == (1e-3, 1e-3)
    assert ahead.mu == pytest.approx(math.sqrt(2) / noise, rel=1e-6)


def test_sampled_steps_give_groups_the_general_bound():
    """Epsilon k times, and a delta that grows."""
    found, ahead = _findings()

    epsilon = ahead.commitment.epsilon
    assert _figure(found, "group_epsilon") == pytest.approx((2 * epsilon, 5 * epsilon))
    assert _figure(found, "group_delta")[0] > 1e-3
    assert any("5 examples no promise" in text for text in texts(found))


def test_two_runs_cost_more_than_one_and_less_than_twice():
    """What a lifetime budget has to hold."""
    found, ahead = _findings(**FULL)

    twice = _figure(found, "epsilon_of_two_runs")
    assert ahead.commitment.epsilon < twice < 2 * ahead.commitment.epsilon


def test_noise_of_ones_own_may_end_the_budget_early():
    """Then the last private round is named, in a warning."""
    found, ahead = _findings(**FULL, privacy__noise_multiplier=1.0, rounds=6)

    assert 0 < ahead.commitment.rounds < 6
    assert any(
        f"The budget ends after round {ahead.commitment.rounds}" in text
        for text in warnings(found)
    )


def test_no_affordable_round_is_an_error():
    """A run in which nobody learns from private data is not what was meant."""
    found, _ = _findings(**FULL, privacy__noise_multiplier=0.2)

    (only,) = found
    assert only.level is Level.ERROR
    assert "Not one private round" in only.text


def test_a_run_without_privacy_is_a_warning_and_nothing_else():
    """No epsilon is told where there is none."""
    found, _ = _findings(privacy__mechanism="none", allow_non_private=True)

    (only,) = found
    assert only.level is Level.WARNING
    assert "no privacy at all" in only.text


@pytest.mark.parametrize(("delta", "is_warned"), [(2e-3, False), (5e-3, True)])
def test_a_delta_close_to_one_over_n_is_a_warning(delta, is_warned):
    """At 40 examples a site, a tenth of 1 / n is 2.5e-3."""
    found, _ = _findings(**FULL, privacy__delta=delta)

    assert any(text.startswith("Delta") for text in warnings(found)) is is_warned


def test_sites_too_small_for_the_epsilon_are_a_warning():
    """Three sites of 40 are worth 100 examples at epsilon 4, and 20 at 0.5."""
    small, less = _findings(**FULL, privacy__epsilon=0.5)
    large, more = _findings(**FULL, privacy__epsilon=8.0)

    assert less.effective_size < 100 < more.effective_size
    assert any("too small for the epsilon" in text for text in warnings(small))
    assert not any("too small for the epsilon" in text for text in warnings(large))


def test_effective_size_is_the_reciprocal_of_the_noise_in_the_mean():
    """K sites, each with noise c / mu in its sum, in the mean over K n examples."""
    sites, examples, mu = 9, 50, 0.5

    noise_in_mean = math.sqrt(sites) * (1 / mu) / (sites * examples)

    size = effective_size(sites=sites, nominal_examples=examples, mu=mu)
    assert size == pytest.approx(1 / noise_in_mean)


@pytest.mark.parametrize("rounds", [1, 2, 12, 13, 100, 1001])
def test_a_long_run_is_not_told_round_by_round(rounds):
    """The first and the last round always are."""
    shown = _rounds_shown(rounds)

    assert shown[0] == 1
    assert shown[-1] == rounds
    assert len(shown) <= MOST_ROUNDS_SHOWN + 1
