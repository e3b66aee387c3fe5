"""Lists inside scalars: models and sizes; names of models and rules."""

import sys

import pytest

from common.config.lists import MODEL_NAMES, check_rule, parse_models, parse_sizes
from tests.own_modules import write_module


def test_models_are_pairs_in_the_order_of_the_sites():
    """A name without a number stands for one site, and spaces do not matter."""
    assert parse_models("mlp:2, cnn") == (("mlp", 2), ("cnn", 1))


def test_sizes_are_numbers():
    """One for all sites, or one for each."""
    assert parse_sizes("100") == (100,)
    assert parse_sizes("100, 80") == (100, 80)


def test_own_models_stand_beside_those_of_the_zoo():
    """A count is digits, so that a second name is a function."""
    assert parse_models("my_models:build:4, mlp:6,pkg.nets:Net") == (
        ("my_models:build", 4),
        ("mlp", 6),
        ("pkg.nets:Net", 1),
    )


@pytest.mark.parametrize("name", ["resnet50", "torch.hub", "./model.py", "MLP"])
def test_what_is_neither_of_the_zoo_nor_own_code_is_refused(name):
    """Neither a path nor a foreign model; the zoo is listed."""
    with pytest.raises(ValueError, match=f"one of {', '.join(MODEL_NAMES)}"):
        parse_models(f"{name}:1")


def test_a_config_imports_nothing_that_it_names(tmp_path, monkeypatch):
    """A server and a site read configs too: only a simulation imports a model."""
    name = write_module(monkeypatch, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    parse_models(f"{name}:build:2")

    assert name not in sys.modules, "Rule 12: reading a config runs code it names."


@pytest.mark.parametrize("name", ["median", "log_opinion_pool", "./rules.py", "a:b:1"])
def test_a_rule_is_a_known_one_or_own_code(name):
    check_rule("era")
    check_rule("my_rules:trimmed")

    with pytest.raises(ValueError, match="or module:function of your own"):
        check_rule(name)


@pytest.mark.parametrize(
    "text",
    [
        *("", "mlp:", "mlp:0", "mlp:-1", "mlp:x", "mlp:2:2"),
        *("a:b:0", "a:b:", "a:b:c", "a:b:2:2", "./m.py:build", "a b:build"),
    ],
)
def test_what_is_no_pair_is_refused(text):
    """Every site needs a model, and a number is a whole one."""
    with pytest.raises(ValueError, match="must be"):
        parse_models(text)
