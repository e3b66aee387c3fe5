"""Names and sizes of public features."""

import subprocess
import sys

import pytest

from common.features.recipe import FEATURES, parse_features
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


def test_a_recipe_needs_no_torch():
    """A config is checked before anything large is imported."""
    code = (
        "import sys, common.features.recipe; "
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
