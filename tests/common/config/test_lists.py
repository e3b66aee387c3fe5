"""Lists inside scalars: models and sizes."""

import pytest

from common.config.lists import MODEL_NAMES, parse_models, parse_sizes
from tests.rules import naming


def test_models_are_pairs_in_the_order_of_the_sites():
    """A name without a number stands for one site, and spaces do not matter."""
    assert parse_models("mlp:2, cnn") == (("mlp", 2), ("cnn", 1))


def test_sizes_are_numbers():
    """One for all sites, or one for each."""
    assert parse_sizes("100") == (100,)
    assert parse_sizes("100, 80") == (100, 80)


@pytest.mark.parametrize("name", ["resnet50", "torch.hub", "./model.py", "MLP"])
def test_a_config_names_models_of_the_zoo_only(name):
    """Neither a path nor a function nor a foreign model can be named."""
    with (
        naming("Rule 12: a run's config named code."),
        pytest.raises(ValueError, match=f"must be one of {', '.join(MODEL_NAMES)}"),
    ):
        parse_models(f"{name}:1")


@pytest.mark.parametrize("text", ["", "mlp:", "mlp:0", "mlp:-1", "mlp:x", "mlp:2:2"])
def test_what_is_no_pair_is_refused(text):
    """Every site needs a model, and a number is a whole one."""
    with pytest.raises(ValueError, match="must be"):
        parse_models(text)
