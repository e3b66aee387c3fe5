"""The tree of errors."""

import inspect
import re

import pytest

from common import errors

CLASSES = dict(inspect.getmembers(errors, inspect.isclass))


def test_every_error_is_drawn_in_the_tree():
    """The drawing at the top of the module shows every class, and no other."""
    drawn = set(re.findall(r"\b\w+Error\b", errors.__doc__)) - {"ValueError"}

    assert drawn == set(CLASSES) - {"ClassVar"}


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"ClassVar"}))
def test_exit_code_is_what_the_tree_says(name):
    """The number drawn beside a class is its exit code, or that of its parent."""
    drawn = re.search(rf"\b{name}\b.*exit code (\d)", errors.__doc__)
    parent = CLASSES[name].__mro__[1]

    expected = int(drawn[1]) if drawn else getattr(parent, "exit_code", 1)
    assert CLASSES[name].exit_code == expected
    assert issubclass(CLASSES[name], errors.FedstillError)


def test_an_exhausted_budget_carries_both_figures():
    """What is left and what was asked, as numbers and in the message."""
    error = errors.BudgetExhaustedError(remaining=0.5, requested=1.25)

    assert (error.remaining, error.requested) == (0.5, 1.25)
    assert str(error) == (
        "The privacy budget has epsilon 0.5 left and 1.25 was requested. Nothing was "
        "spent and no private data were read."
    )
