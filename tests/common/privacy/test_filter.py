"""Filters: bounds that hold under adaptive choice of parameters."""

import logging
import math
import warnings

import dp_accounting
import pytest
from dp_accounting import rdp

from common.errors import AdjacencyMismatchError, UnsupportedEventError
from common.privacy import filter as privacy_filter
from common.privacy.accountant import Segment, gaussian_epsilon, gaussian_mu_at, spent
from common.privacy.budget import PrivacyBudget
from common.privacy.events import Adjacency, PrivacyUnit
from common.privacy.filter import (
    SAMPLED_DELTA_SHARE,
    admits,
    bound,
    conversion,
    renyi_divergence,
    renyi_order,
)
from tests.common.privacy.builders import DELTA, budget, event, non_private_event


@pytest.mark.parametrize(
    ("noise", "probability", "order"),
    [
        (3.4, 0.032, 18),
        (1.0, 0.1, 4),
        (0.5, 0.01, 64),
        (100.0, 0.001, 839),
        (2.0, 1.0, 7),
    ],
)
def test_the_divergence_is_that_of_dp_accounting(
    noise: float, probability: float, order: int
) -> None:
    """The sum over binomial terms equals Google's, also where it is tiny."""
    other = rdp.RdpAccountant([order])
    other.compose(
        dp_accounting.PoissonSampledDpEvent(
            probability, dp_accounting.GaussianDpEvent(noise)
        )
    )

    divergence = renyi_divergence(Segment(noise, probability, 1), order=order)

    assert divergence == pytest.approx(other._rdp[0], rel=1e-6)


def test_the_conversion_is_that_of_dp_accounting() -> None:
    """Divergence 0.5 at order 8 gives the epsilon of Canonne et al. (2020)."""
    other = rdp.compute_epsilon([8], [0.5], DELTA)[0]

    assert 0.5 + conversion(8, delta=DELTA) == pytest.approx(other)


@pytest.mark.parametrize(
    ("epsilon", "delta", "order"), [(1.0, 1e-5, 18), (4.0, 1e-5, 6), (0.1, 1e-3, 51)]
)
def test_the_order_follows_from_the_budget_alone(
    epsilon: float, delta: float, order: int
) -> None:
    """The order that allows most Gaussian steps, found by hand."""
    assert renyi_order(epsilon=epsilon, delta=delta) == order


@pytest.mark.parametrize(("noise", "probability"), [(40.0, 1.0), (3.4, 0.032)])
def test_the_bound_is_no_less_than_the_tight_accountant(
    noise: float, probability: float
) -> None:
    """Adaptivity is not free, and not dear either."""
    events = [event(noise, probability, steps=300)] * 2
    tight = spent(events, delta=DELTA).epsilon

    assert tight <= bound(budget(tight), events).epsilon <= 1.2 * tight


def test_full_batches_are_judged_by_their_mu() -> None:
    """The sum of 1 / noise^2 may reach mu^2 of epsilon and the filter's delta."""
    mu = gaussian_mu_at(epsilon=4.0, delta=(1 - SAMPLED_DELTA_SHARE) * DELTA)
    noise = math.sqrt(10) / mu

    assert admits(budget(4.0), [event(noise * 1.0001)] * 10)
    assert not admits(budget(4.0), [event(noise * 0.9999)] * 10)
    assert not admits(budget(4.0), [event(noise * 1.0001)] * 11)


def test_sampled_steps_are_judged_by_their_divergence_at_one_order() -> None:
    """The sum of divergences may reach what the order allows."""
    share = SAMPLED_DELTA_SHARE * DELTA
    order = renyi_order(epsilon=4.0, delta=share)
    allowed = 4.0 - conversion(order, delta=share)
    step = renyi_divergence(Segment(1.0, 0.02, 1), order=order)
    steps = math.floor(allowed / step)

    assert admits(budget(4.0), [event(1.0, 0.02, steps)])
    assert not admits(budget(4.0), [event(1.0, 0.02, steps), event(1.0, 0.02)])


def test_a_full_batch_counts_beside_sampled_steps_in_any_order() -> None:
    """There the Renyi filter covers both kinds of steps, with its share of delta."""
    share = SAMPLED_DELTA_SHARE * DELTA
    order = renyi_order(epsilon=4.0, delta=share)
    divergence = renyi_divergence(Segment(2.0, 0.1, 1), order=order) + order / 18
    events = [event(2.0, 0.1), event(3.0)]

    assert bound(budget(4.0), events).epsilon == pytest.approx(
        divergence + conversion(order, delta=share)
    )
    assert bound(budget(4.0), events[::-1]) == bound(budget(4.0), events)


def test_the_deltas_of_two_filters_add_up_to_the_budget() -> None:
    """A ledger may end under either filter, so each has its own share of delta."""
    full = [event(4.0)] * 2
    share = SAMPLED_DELTA_SHARE * DELTA

    only_full = bound(budget(4.0), full).epsilon
    with_sampled = bound(budget(4.0), [*full, event(4.0, 0.5)]).epsilon

    mu = math.sqrt(2) / 4
    order = renyi_order(epsilon=4.0, delta=share)
    divergence = order * mu**2 / 2 + renyi_divergence(Segment(4.0, 0.5, 1), order=order)
    assert only_full == gaussian_epsilon(mu, delta=DELTA - share)
    assert with_sampled == pytest.approx(divergence + conversion(order, delta=share))


def test_no_events_are_within_any_budget() -> None:
    """Nothing costs nothing."""
    assert bound(budget(0.01), []).epsilon == 0
    assert admits(budget(0.01), [])


def test_an_event_without_guarantee_is_over_every_budget() -> None:
    """Infinite epsilon is never covered."""
    events = [event(100.0), non_private_event()]

    assert not admits(budget(1e6), events), "Rule 8: infinite is over budget."


def test_a_budget_without_bound_admits_and_promises_nothing() -> None:
    """Under an unlimited budget the filter reports infinite epsilon."""
    unlimited = PrivacyBudget.unlimited(delta=DELTA)

    assert admits(unlimited, [event()])
    assert bound(unlimited, [event()]).epsilon == math.inf


def test_unknown_events_and_other_budgets_are_refused() -> None:
    """Neither events nor budgets of another kind are compared."""
    with pytest.raises(UnsupportedEventError):
        admits(budget(), [event(adjacency=Adjacency.REPLACE_ONE)])
    with pytest.raises(AdjacencyMismatchError):
        admits(budget(unit=PrivacyUnit.CLIENT), [event()])


def test_high_sampling_probabilities_are_silent(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Orders that do not converge elsewhere cause no warnings here."""
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        privacy_filter.bound(budget(1.0), [event(0.3, 0.25, 50), event(900.0, 0.3, 50)])

    captured = capsys.readouterr()
    assert (caplog.text, captured.out, captured.err) == ("", "", "")
