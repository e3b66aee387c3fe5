"""Budgets: what is unknown is infinite, and infinite is over every budget."""

import math

import pytest

from common.errors import AdjacencyMismatchError
from common.privacy.budget import PrivacyBudget, PrivacySpent
from common.privacy.events import Adjacency, PrivacyUnit
from tests.common.privacy.builders import DELTA, budget


def test_an_unknown_epsilon_is_infinite() -> None:
    """What no accountant could compute is not 0 and fits no budget."""
    unknown = PrivacySpent(epsilon=math.nan, delta=DELTA)

    assert unknown.epsilon == math.inf, "Rule 8: an unknown epsilon counts as finite."
    assert not budget(1e300).covers(unknown), "Rule 8: infinite is within a budget."


@pytest.mark.parametrize("epsilon", [0.0, 3.999, 4.0])
def test_a_budget_covers_what_does_not_exceed_it(epsilon: float) -> None:
    """The budget itself may be spent."""
    assert budget(4.0).covers(PrivacySpent(epsilon=epsilon, delta=DELTA))


@pytest.mark.parametrize("epsilon", [4.001, math.inf])
def test_a_budget_covers_no_more(epsilon: float) -> None:
    """A little more is too much."""
    spent = PrivacySpent(epsilon=epsilon, delta=DELTA)

    assert not budget(4.0).covers(spent), "Rule 1: more than the budget was spent."


def test_an_epsilon_at_a_smaller_delta_fits_too() -> None:
    """Epsilon at a smaller delta promises more."""
    assert budget(4.0).covers(PrivacySpent(epsilon=4.0, delta=DELTA / 10))


@pytest.mark.parametrize(
    "fields",
    [
        {"unit": PrivacyUnit.CLIENT},
        {"adjacency": Adjacency.REPLACE_ONE},
        {"delta": 2 * DELTA},
    ],
)
def test_what_does_not_compare_is_refused(fields: dict[str, object]) -> None:
    """Another unit, other neighbours or a larger delta mean another promise."""
    spent = PrivacySpent(**{"epsilon": 0.1, "delta": DELTA, **fields})

    with pytest.raises(AdjacencyMismatchError, match="othing may be spent"):
        budget(4.0).covers(spent)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan])
def test_a_budget_is_positive_and_finite(epsilon: float) -> None:
    """Without a bound only by saying so."""
    with pytest.raises(ValueError, match="Expected epsilon="):
        budget(epsilon)


def test_a_budget_without_bound_covers_everything() -> None:
    """It is for runs that promise nothing."""
    unlimited = PrivacyBudget.unlimited(delta=DELTA)

    assert unlimited.covers(PrivacySpent(epsilon=math.inf, delta=DELTA))


@pytest.mark.parametrize("delta", [0.0, 1.0])
def test_a_delta_is_between_0_and_1(delta: float) -> None:
    """Neither pure privacy nor none is read from a delta here."""
    with pytest.raises(ValueError, match="Expected delta="):
        PrivacySpent(epsilon=1.0, delta=delta)
    with pytest.raises(ValueError, match="Expected delta="):
        budget(delta=delta)


def test_a_negative_epsilon_is_refused() -> None:
    """Nothing gives privacy back."""
    with pytest.raises(ValueError, match=r"Expected epsilon=-0\.1"):
        PrivacySpent(epsilon=-0.1, delta=DELTA)
