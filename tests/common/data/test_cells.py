"""A cell as plain text, and as a number."""

import pytest

from common.data.cells import plain_number, plain_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        ("-3.00", "-3"),
        ("1.50", "1.50"),
        ("1.0.0", "1.0.0"),
        (True, "true"),
        (None, ""),
        (float("nan"), ""),
    ],
)
def test_the_same_value_is_the_same_text(value, text):
    """Whatever kind of file it comes from, and however that writes whole numbers."""
    assert plain_text(value) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [("2.5", 2.5), ("-1e3", -1000.0), ("nan", None), ("inf", None), ("x", None)],
)
def test_only_finite_numbers_are_numbers(text, number):
    """NaN and infinity are not; neither is a text with a stray underscore."""
    assert plain_number(text) == number
    assert plain_number("1_000") is None
