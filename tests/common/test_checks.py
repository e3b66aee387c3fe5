"""Checks of numbers and strings."""

import math

import pytest

from common import checks


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (checks.finite, [0.0, -1e300, 7]),
        (checks.positive, [1e-300, 1]),
        (checks.non_negative, [0, 0.0, 3]),
    ],
)
def test_passes_what_is_allowed(check, values):
    """A value that is allowed passes without a word."""
    for value in values:
        assert check(number=value) is None


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (checks.positive, 0, "Expected number=0 to be > 0."),
        (checks.positive, -1.5, "Expected number=-1.5 to be > 0."),
        (checks.non_negative, -1, "Expected number=-1 to be >= 0."),
        (checks.finite, math.nan, "Expected number=nan to be finite."),
        (checks.positive, math.inf, "Expected number=inf to be finite."),
        (checks.non_negative, math.nan, "Expected number=nan to be finite."),
        (checks.finite, 10**400, "Expected number to be below 1e308."),
    ],
)
def test_names_what_is_not_allowed(check, value, message):
    """A value that is not allowed is named with what is."""
    with pytest.raises(ValueError, match="Expected") as caught:
        check(number=value)

    assert str(caught.value) == message


def test_closed_range_includes_its_ends():
    """Both ends of a closed range are in it, what lies beyond is not."""
    checks.in_range(0, 1, low=0, high=1)

    for value in (-0.001, 1.001, math.nan):
        with pytest.raises(ValueError, match="Expected share="):
            checks.in_range(0, 1, share=value)


def test_open_range_excludes_its_ends():
    """Neither end of an open range is in it."""
    checks.in_open_range(0, 1, share=0.5)

    for value in (0, 1, math.nan):
        with pytest.raises(ValueError, match="Expected share="):
            checks.in_open_range(0, 1, share=value)


def test_refuses_an_empty_string():
    """An empty string is refused by name."""
    checks.non_empty(run_id="x")

    with pytest.raises(ValueError, match=r"^Expected run_id not to be empty\.$"):
        checks.non_empty(run_id="")
