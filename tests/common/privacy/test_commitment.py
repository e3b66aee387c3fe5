"""What a site commits to: the minimum of what is asked and what is left."""

import math

import pytest

from common.errors import AdjacencyMismatchError, UnsupportedEventError
from common.privacy import filter as privacy_filter
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget
from common.privacy.calibration import calibrate_noise_multiplier
from common.privacy.commitment import Commitment, decide
from common.privacy.events import Adjacency, Mechanism, PrivacyEvent, PrivacyUnit
from common.run_plan import RunPlan
from tests.common.privacy.builders import (
    DELTA,
    budget,
    event,
    non_private_event,
    plan,
)

SAMPLED = {"sampling_probability": 0.05, "steps_per_round": 20}


def _whole(commitment: Commitment, asked: RunPlan) -> PrivacyEvent:
    """Returns all committed rounds as one event."""
    return event(
        commitment.noise_multiplier,
        asked.sampling_probability,
        commitment.rounds * asked.steps_per_round,
    )


@pytest.mark.parametrize("changes", [{}, SAMPLED])
def test_the_first_plan_has_the_noise_that_its_epsilon_needs(
    changes: dict[str, object],
) -> None:
    """A plan within the budget is calibrated by the tight accountant alone."""
    asked = plan(**changes)

    commitment = decide(asked, budget=budget(4.0), earlier=[])

    assert commitment.noise_multiplier == calibrate_noise_multiplier(
        epsilon=1.0,
        delta=DELTA,
        sampling_probability=asked.sampling_probability,
        steps=asked.planned_steps,
    )
    assert commitment.rounds == 10
    assert commitment.delta == DELTA
    assert 0.99 < commitment.epsilon <= 1.0
    assert not commitment.is_indivisible


@pytest.mark.parametrize("changes", [{}, SAMPLED])
def test_a_first_plan_may_spend_the_whole_budget(changes: dict[str, object]) -> None:
    """The tight accountant admits what the filter does not; it is spent whole."""
    asked = plan(epsilon=4.0, **changes)

    commitment = decide(asked, budget=budget(4.0), earlier=[])

    assert commitment.epsilon == pytest.approx(4.0, rel=1e-3)
    assert not privacy_filter.admits(budget(4.0), [_whole(commitment, asked)])
    assert commitment.is_indivisible


@pytest.mark.parametrize("changes", [{}, SAMPLED])
def test_the_budget_is_a_ceiling_on_the_plan(changes: dict[str, object]) -> None:
    """A plan that asks for epsilon 8 gets the budget's 2."""
    commitment = decide(plan(epsilon=8.0, **changes), budget=budget(2.0), earlier=[])

    assert commitment.rounds == 10
    assert 1.99 < commitment.epsilon <= 2.0


def test_the_budget_is_tested_at_its_own_delta() -> None:
    """A plan with a smaller delta costs more there than at the budget's."""
    asked = plan(epsilon=4.0, delta=1e-7)

    commitment = decide(asked, budget=budget(4.0, delta=1e-5), earlier=[])

    assert commitment.epsilon == pytest.approx(4.0, rel=1e-3)
    assert commitment.delta == 1e-7


@pytest.mark.parametrize("changes", [{}, SAMPLED])
def test_fixed_noise_buys_as_many_rounds_as_are_affordable(
    changes: dict[str, object],
) -> None:
    """One more round would exceed the plan's epsilon."""
    needed = decide(plan(**changes), budget=budget(), earlier=[]).noise_multiplier
    asked = plan(noise_multiplier=0.7 * needed, **changes)

    commitment = decide(asked, budget=budget(), earlier=[])

    more = event(
        asked.noise_multiplier,
        asked.sampling_probability,
        (commitment.rounds + 1) * asked.steps_per_round,
    )
    assert 0 < commitment.rounds < 10
    assert commitment.noise_multiplier == asked.noise_multiplier
    assert commitment.epsilon == spent([_whole(commitment, asked)], delta=DELTA).epsilon
    assert commitment.epsilon <= 1.0
    assert spent([more], delta=DELTA).epsilon > 1.0


def test_fixed_noise_that_affords_all_rounds_takes_no_more() -> None:
    """Rounds are a ceiling too."""
    commitment = decide(plan(noise_multiplier=500.0), budget=budget(), earlier=[])

    assert commitment.rounds == 10
    assert commitment.epsilon < 0.2


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("changes", [{}, SAMPLED])
def test_nothing_affordable_is_a_commitment_of_no_rounds(
    noise: float, changes: dict[str, object]
) -> None:
    """With the budget gone, a site commits to nothing and there is no event."""
    asked = plan(noise_multiplier=noise, **changes)

    commitment = decide(asked, budget=budget(1.0), earlier=[event(1.0, 1.0, 10)])

    assert commitment == Commitment(
        noise_multiplier=0.0, rounds=0, epsilon=0.0, delta=DELTA
    )
    assert commitment.event_per_round(asked) is None


@pytest.mark.parametrize("changes", [{}, SAMPLED])
def test_a_second_plan_is_judged_by_the_filter_over_all_events(
    changes: dict[str, object],
) -> None:
    """Plans at epsilon 1 follow one another until the filter says no."""
    asked = plan(**changes)
    lifetime = budget(2.2)
    earlier: list[PrivacyEvent] = []
    epsilons = []

    while (commitment := decide(asked, budget=lifetime, earlier=earlier)).rounds:
        earlier.append(_whole(commitment, asked))
        epsilons.append(commitment.epsilon)
        assert privacy_filter.admits(lifetime, earlier), (
            "Rule 1: runs must compose in the lifetime budget."
        )

    assert 3 <= len(epsilons) < 100
    assert epsilons[0] == epsilons[1] > epsilons[-1]
    assert spent(earlier, delta=DELTA).epsilon <= 2.2


def test_what_is_left_of_the_budget_raises_the_noise() -> None:
    """A second plan trains with more noise where its own epsilon is not left."""
    asked = plan(epsilon=3.0)
    first = decide(asked, budget=budget(4.0), earlier=[])

    second = decide(asked, budget=budget(4.0), earlier=[_whole(first, asked)])

    assert second.noise_multiplier > first.noise_multiplier
    assert second.rounds == 10
    assert second.epsilon < 3.0


def test_the_same_epsilon_twice_does_not_fit() -> None:
    """A second plan for the whole budget finds none."""
    asked = plan(epsilon=4.0)
    first = decide(asked, budget=budget(4.0), earlier=[])

    second = decide(asked, budget=budget(4.0), earlier=[_whole(first, asked)])

    assert second.rounds == 0, "Rule 1: a second run must not get a fresh budget."


def test_a_ledger_without_guarantee_affords_nothing() -> None:
    """After a run without privacy, no private run can promise anything."""
    commitment = decide(plan(), budget=budget(), earlier=[non_private_event()])

    assert commitment.rounds == 0, "Rule 8: infinite is over budget."


def test_a_plan_without_privacy_is_for_the_policy_to_refuse() -> None:
    """Rounds without privacy cost infinite epsilon, and are events."""
    asked = plan(mechanism=Mechanism.NONE, epsilon=math.inf)

    commitment = decide(asked, budget=budget(), earlier=[])

    assert commitment == Commitment(
        noise_multiplier=0.0, rounds=10, epsilon=math.inf, delta=DELTA
    )
    assert commitment.event_per_round(asked) == event(
        0.0, 1.0, 2, mechanism=Mechanism.NONE
    )


def test_an_unlimited_budget_leaves_the_plan_its_own_epsilon() -> None:
    """Without a lifetime bound, the run's own still holds."""
    unlimited = PrivacyBudget.unlimited(delta=DELTA)

    commitment = decide(plan(), budget=unlimited, earlier=[event(1.0, 1.0, 100)])

    assert 0.99 < commitment.epsilon <= 1.0


def test_a_round_spends_its_own_steps() -> None:
    """The event of one round has the plan's steps and the commitment's noise."""
    asked = plan(**SAMPLED)
    commitment = decide(asked, budget=budget(), earlier=[])

    assert commitment.event_per_round(asked) == event(
        commitment.noise_multiplier, 0.05, 20
    )


def test_a_larger_delta_than_the_budgets_is_refused() -> None:
    """An epsilon at delta 1e-4 says nothing about a budget at 1e-5."""
    with pytest.raises(AdjacencyMismatchError) as caught:
        decide(plan(delta=1e-4), budget=budget(), earlier=[])

    assert str(caught.value) == (
        "Expected the run plan's delta=0.0001 to be at most the budget's, 1e-05. "
        "The plan is refused and nothing was spent."
    )


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"unit": PrivacyUnit.CLIENT}, {}),
        ({}, {"unit": PrivacyUnit.CLIENT}),
        ({}, {"adjacency": Adjacency.REPLACE_ONE}),
    ],
)
def test_another_unit_or_adjacency_is_refused(
    changes: dict[str, object], fields: dict[str, object]
) -> None:
    """Plan and budget must speak of the same neighbours."""
    with pytest.raises(AdjacencyMismatchError, match="plan is refused and nothing was"):
        decide(plan(**changes), budget=budget(**fields), earlier=[])


def test_an_unknown_earlier_event_is_refused() -> None:
    """A ledger with an event that nobody can account for affords nothing."""
    with pytest.raises(UnsupportedEventError):
        decide(
            plan(), budget=budget(), earlier=[event(adjacency=Adjacency.REPLACE_ONE)]
        )


def test_a_commitment_checks_itself() -> None:
    """Negative rounds or an epsilon that is not a number cannot be built."""
    with pytest.raises(ValueError, match="Expected rounds=-1"):
        Commitment(noise_multiplier=1.0, rounds=-1, epsilon=1.0, delta=DELTA)
    with pytest.raises(ValueError, match="Expected epsilon=nan"):
        Commitment(noise_multiplier=1.0, rounds=1, epsilon=math.nan, delta=DELTA)
