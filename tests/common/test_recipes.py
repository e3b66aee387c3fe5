"""Recipes."""

import pytest

from common.recipes import DistillationRecipe


def test_no_epochs_are_allowed():
    """Zero epochs leave a student as it is."""
    recipe = DistillationRecipe(epochs=0, learning_rate=0.1, batch_size=1)

    assert recipe.epochs == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, "Expected epochs=-1 to be >= 0."),
        ({"learning_rate": 0.0}, "Expected learning_rate=0.0 to be > 0."),
        ({"batch_size": 0}, "Expected batch_size=0 to be > 0."),
    ],
)
def test_refuses_what_is_out_of_range(changes, message):
    """A recipe out of range cannot be built."""
    values = {"epochs": 1, "learning_rate": 0.1, "batch_size": 10}

    with pytest.raises(ValueError, match="Expected") as caught:
        DistillationRecipe(**{**values, **changes})

    assert str(caught.value) == message
