"""The recipe of additive heads refuses what no site could build."""

import dataclasses

import pytest

from common.head_recipe import HeadRecipe

RECIPE = HeadRecipe(
    features="scattering+kmeans-patches",
    dimension=300,
    exponent=0.6,
    ridge=30.0,
    sites=10,
)


def test_survives_the_round_trip_through_fields():
    """What a site reads is what the server meant."""
    fields = HeadRecipe.to_fields(RECIPE)

    assert HeadRecipe.pop_fields(fields) == RECIPE
    assert fields == {}


def test_none_is_fields_of_nothing():
    """A plan without heads has the same fields, all empty."""
    fields = HeadRecipe.to_fields(None)

    assert not any(fields.values())
    assert HeadRecipe.pop_fields(fields) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dimension": 0}, "dimension=0"),
        ({"dimension": 513}, "dimension=513"),
        ({"exponent": -0.1}, "exponent=-0.1"),
        ({"exponent": 1.1}, "exponent=1.1"),
        ({"features": "edges"}, "'edges'"),
        ({"features": "auto"}, "'auto'"),
        ({"ridge": 0.0}, "ridge=0.0"),
        ({"sites": 0}, "sites=0"),
    ],
)
def test_a_recipe_out_of_range_is_refused(change, words):
    """On construction."""
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(RECIPE, **change)
