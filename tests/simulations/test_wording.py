"""Numbers as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations import wording


@pytest.mark.parametrize(
    ("epsilon", "text"),
    [
        (0.0, "0.00"),
        (3.991, "4.00"),
        (3.99, "3.99"),
        (4.0, "4.00"),
        (4.000000000000001, "4.00"),
        (math.inf, "infinite"),
    ],
)
def test_writes_epsilon(epsilon, text):
    """Two decimals, rounded up, and infinity in a word."""
    assert wording.epsilon_text(epsilon) == text


@given(st.floats(0, 1e4))
def test_epsilon_never_looks_better_than_it_is(epsilon):
    """The written epsilon is at least the real one."""
    assert float(wording.epsilon_text(epsilon)) >= epsilon - 1e-8


@given(st.floats(1e-12, 1))
def test_delta_never_looks_better_than_it_is(delta):
    """The written delta is at least the real one, up to its last bits."""
    assert float(wording.delta_text(delta)) >= delta * (1 - 1e-8)


@pytest.mark.parametrize(
    ("delta", "text"), [(0.001, "0.001"), (0.05561, "0.056"), (1e-5, "1e-05"), (1, "1")]
)
def test_writes_delta(delta, text):
    """Two significant digits."""
    assert wording.delta_text(delta) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.44, "8.4 s"), (125.2, "2 min 05 s"), (59.99, "1 min 00 s")],
)
def test_writes_durations(seconds, text):
    """Seconds, and minutes from a minute on."""
    assert wording.seconds_text(seconds) == text


def test_writes_shares_ratios_and_counts():
    """Percentages, points with a sign, ratios to two digits, one site and two sites."""
    assert wording.percent(0.8123) == "81.2%"
    assert wording.points(0.373) == "+37.3"
    assert wording.points(-0.012) == "\N{MINUS SIGN}1.2"
    assert [wording.times_text(ratio) for ratio in (2.43, 37.4)] == ["2.4", "37"]
    assert wording.of_count(1, "site") == "1 site"
    assert wording.of_count(0, "site") == "0 sites"
