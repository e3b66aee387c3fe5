"""The rule that turns public numbers into an additive head's hyper-parameters."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.head_rule import (
    LATER_CLIPPING_NORM,
    LEAST_DIMENSION,
    MOST_DIMENSION,
    MOST_ROUNDS,
    choose_head,
    choose_rounds,
    effective_size,
)
from common.privacy.accountant import gaussian_mu_at

sites = st.integers(1, 1000)
examples = st.floats(1, 1e6)
mus = st.one_of(st.floats(1e-3, 100), st.just(math.inf))
classes = st.integers(2, 100)
transfer_sizes = st.integers(2, 100_000)


def _choice(
    *, sites=10, nominal_examples=5000, mu=0.268, num_classes=10, transfer_size=9000
):
    return choose_head(
        sites=sites,
        nominal_examples=nominal_examples,
        mu=mu,
        num_classes=num_classes,
        transfer_size=transfer_size,
    )


def test_ten_sites_at_epsilon_one():
    """Ten sites of 5,000 at (1, 1e-5) get the values that the documents quote."""
    choice = _choice(mu=gaussian_mu_at(epsilon=1, delta=1e-5))
    assert choice.rounds == 8
    assert choice.dimension == 273
    assert choice.ridge == pytest.approx(37.8)
    assert choice.exponent == 0.7
    assert choice.clipping_norms == (math.sqrt(0.9), *[LATER_CLIPPING_NORM] * 7)


def test_few_examples_get_a_small_head():
    """The digits of ten sites of 100 at (1, 1e-3) get 23 features and 3 rounds."""
    choice = _choice(
        nominal_examples=100,
        mu=gaussian_mu_at(epsilon=1, delta=1e-3),
        transfer_size=397,
    )
    assert (choice.rounds, choice.dimension, choice.exponent) == (3, 23, 0.5)


def test_without_privacy_the_sampling_noise_of_the_data_decides():
    """An infinite mu gives a finite size, larger for more examples."""
    small = effective_size(sites=10, nominal_examples=100, mu=math.inf)
    large = effective_size(sites=10, nominal_examples=5000, mu=math.inf)
    assert small == pytest.approx(120 * math.sqrt(1000))
    assert large == pytest.approx(120 * math.sqrt(50_000))
    assert _choice(mu=math.inf).rounds == MOST_ROUNDS
    assert _choice(mu=math.inf).dimension == MOST_DIMENSION


def test_the_ridge_outgrows_the_noise_that_privacy_adds():
    """Half the mu asks for more than half as much ridge again, at most for double."""
    loose, tight = (_choice(mu=mu).ridge for mu in (0.02, 0.01))
    assert 1.5 * loose < tight < 2 * loose


@given(sites=sites, examples=examples, mu=mus, factor=st.floats(1, 100))
def test_more_privacy_never_asks_for_more(sites, examples, mu, factor):
    """A smaller mu gives no more rounds and dimensions, and no smaller ridge."""
    loose = _choice(sites=sites, nominal_examples=examples, mu=mu)
    tight = _choice(sites=sites, nominal_examples=examples, mu=min(mu, 100) / factor)
    assert tight.rounds <= loose.rounds
    assert tight.dimension <= loose.dimension
    assert tight.ridge >= loose.ridge


@given(sites=sites, examples=examples, mu=mus, factor=st.floats(1, 100))
def test_more_examples_never_ask_for_less(sites, examples, mu, factor):
    """More examples give no fewer rounds and dimensions."""
    few = _choice(sites=sites, nominal_examples=examples, mu=mu)
    many = _choice(sites=sites, nominal_examples=examples * factor, mu=mu)
    assert few.rounds <= many.rounds
    assert few.dimension <= many.dimension


@given(
    sites=sites,
    examples=examples,
    mu=mus,
    num_classes=classes,
    transfer_size=transfer_sizes,
)
def test_every_choice_is_usable(sites, examples, mu, num_classes, transfer_size):
    """Clips hold, and there is one clipping norm for each round."""
    choice = _choice(
        sites=sites,
        nominal_examples=examples,
        mu=mu,
        num_classes=num_classes,
        transfer_size=transfer_size,
    )
    assert 1 <= choice.rounds <= MOST_ROUNDS
    assert 1 <= choice.dimension <= min(MOST_DIMENSION, transfer_size - 1)
    assert 0 < choice.ridge < math.inf
    assert 0.5 <= choice.exponent <= 0.7
    assert len(choice.clipping_norms) == choice.rounds
    assert choice.clipping_norms[0] == math.sqrt(1 - 1 / num_classes)
    assert set(choice.clipping_norms[1:]) <= {LATER_CLIPPING_NORM}
    assert choice.rounds == choose_rounds(sites=sites, nominal_examples=examples, mu=mu)


def test_a_transfer_set_that_is_too_small_bounds_the_dimension():
    """At most three quarters of the transfer examples, for a stable digest."""
    assert _choice(transfer_size=100).dimension == 75
    assert _choice(transfer_size=2).dimension == 1
    assert _choice(mu=1e-9).dimension == LEAST_DIMENSION


def test_the_exponent_grows_with_the_transfer_set():
    """From 0.5 for few examples to 0.7 for many."""
    exponents = [
        _choice(transfer_size=size).exponent for size in (250, 400, 1265, 4000, 50_000)
    ]
    assert exponents == [0.5, 0.5, 0.6, 0.7, 0.7]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sites": 0}, "Expected sites=0 to be > 0"),
        ({"nominal_examples": -1.0}, "Expected nominal_examples=-1.0 to be > 0"),
        ({"mu": 0.0}, "Expected mu=0.0 to be > 0"),
        ({"mu": math.nan}, "Expected mu=nan to be > 0"),
        ({"num_classes": 1}, "Expected num_classes=1 to be >= 2"),
        ({"transfer_size": 1}, "Expected transfer_size=1 to be >= 2"),
    ],
)
def test_names_an_argument_that_is_out_of_range(values, message):
    """What cannot be is refused by name."""
    with pytest.raises(ValueError, match=message):
        _choice(**values)
