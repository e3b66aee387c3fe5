"""Names and sizes of public features."""

import subprocess
import sys

import pytest

from common.features.recipe import FEATURES, FeatureRecipe, parse_features
from common.features.sets import SETS


def test_names_are_read_in_order():
    """What stands first stays first."""
    assert parse_features("kmeans-patches + scattering") == (
        "kmeans-patches",
        "scattering",
    )


def test_every_name_has_a_set():
    """No name without features, no features without a name."""
    assert set(FEATURES) == set(SETS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "got ''"),
        ("scatering", "each one of pixels, scattering"),
        ("pixels+", "got '' in 'pixels\\+'"),
        ("pixels+pixels", "each set of features once"),
        ("standardised+scattering", "standardised to stand alone"),
    ],
)
def test_a_text_that_makes_no_sense_is_refused(text, words):
    """With what is allowed."""
    with pytest.raises(ValueError, match=words):
        parse_features(text)


def test_a_recipe_knows_its_features():
    """It is made of the text in config."""
    recipe = FeatureRecipe(
        text="scattering+kmeans-patches", dimension=300, exponent=0.6
    )

    assert recipe.features == ("scattering", "kmeans-patches")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dimension": 0}, "dimension=0"),
        ({"dimension": 513}, "dimension=513"),
        ({"exponent": -0.1}, "exponent=-0.1"),
        ({"exponent": 1.1}, "exponent=1.1"),
        ({"text": "edges"}, "'edges'"),
    ],
)
def test_a_recipe_out_of_range_is_refused(change, words):
    """On construction."""
    values = {"text": "pixels", "dimension": 10, "exponent": 0.5} | change

    with pytest.raises(ValueError, match=words):
        FeatureRecipe(**values)


def test_a_recipe_needs_no_torch():
    """A config is checked before anything large is imported."""
    code = (
        "import sys, common.features.recipe; "
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
