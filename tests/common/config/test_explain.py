"""What every key means, from the sections themselves."""

import json

import pytest

from common.config import Config
from common.config.explain import DIMENSIONLESS, UNITS, all_sections, explain
from common.errors import ConfigError

FLAT = Config(name="any").to_run_config()


def _facts():
    return [fact for section in all_sections() for fact in section.keys]


def _names(sections):
    return [fact.name for section in sections for fact in section.keys]


def test_every_key_is_explained_once():
    """The keys are those that a config has, in its order, each with a meaning."""
    assert _names(all_sections()) == list(FLAT)
    assert all(fact.meaning for fact in _facts())
    assert all(section.summary for section in all_sections())


def test_defaults_are_those_of_a_config():
    """Whatever a config has when nothing is said; a key without one is required."""
    told = {fact.name: fact.default for fact in _facts()}

    assert [name for name, text in told.items() if text is None] == ["name"]
    assert all(
        json.loads(text) == FLAT[name]
        for name, text in told.items()
        if text is not None
    )


def test_every_number_has_a_unit_or_says_that_it_has_none():
    """And no unit is kept for a key that is gone."""
    numbers = [fact for fact in _facts() if type(FLAT[fact.name]) in (int, float)]

    assert all(fact.unit for fact in numbers)
    assert {fact.name: fact.unit for fact in numbers}[
        "privacy.epsilon"
    ] == DIMENSIONLESS
    assert {fact.name: fact.unit for fact in numbers}["round.deadline"] == "seconds"
    assert UNITS.keys() - {fact.key for fact in _facts()} == set()


def test_a_dotted_key_is_one_fact():
    """Meaning, what is allowed, default."""
    (section,) = explain("privacy.delta")
    (fact,) = section.keys

    assert (section.title, fact.name) == ("[privacy]", "privacy.delta")
    assert fact.allowed == "number > 0, < 1"
    assert fact.meaning == "target delta, below 1 / nominal examples of every site"


@pytest.mark.parametrize("name", ["train", "[train]"])
def test_a_section_is_all_of_its_keys(name):
    """With the brackets of TOML or without."""
    (section,) = explain(name)

    assert section.keys == next(
        one.keys for one in all_sections() if one.section == "train"
    )


def test_a_key_alone_is_found_in_every_section_that_has_it():
    """Underscores pass for dashes, as in Python."""
    found = _names(explain("learning_rate"))

    assert "train.learning-rate" in found
    assert "pooled.learning-rate" in found
    assert all(name.endswith(".learning-rate") for name in found)


def test_a_top_level_key_is_no_section():
    """`rounds` is a key, `round` a section."""
    assert _names(explain("rounds")) == ["rounds"]
    assert "round.quorum" in _names(explain("round"))


def test_choices_are_told():
    """A closed set is listed, one by one."""
    ((fact,),) = (section.keys for section in explain("engine"))

    assert fact.choices == ("inline", "flower")
    assert fact.allowed == "inline, flower"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("privcy", "privacy"),
        ("privacy.epsilno", "privacy.epsilon"),
        ("epsilom", "privacy.epsilon"),
        ("trian.epochs", "train.epochs"),
        ("", "round"),
        ("]", "round"),
    ],
)
def test_an_unknown_name_names_the_nearest(name, nearest):
    """One line, with what to type instead."""
    with pytest.raises(ConfigError, match="is no key and no section") as caught:
        explain(name)

    assert nearest in str(caught.value)
    assert "\n" not in str(caught.value)
