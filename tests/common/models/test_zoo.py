"""The model zoo."""

import pytest
import torch
from torch import nn

from common import weights
from common.config.lists import MODEL_NAMES
from common.models.zoo import ZOO, build_model
from tests.rules import naming

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
EACH_MODEL = pytest.mark.parametrize("name", sorted(ZOO))


def build(name, *, shape=(1, 8, 8), seed=1):
    return build_model(name, input_shape=shape, num_classes=10, seed=seed)


def test_config_names_the_zoo():
    """The names that a config may use are exactly the zoo's."""
    assert tuple(ZOO) == MODEL_NAMES


@EACH_MODEL
@pytest.mark.parametrize("shape", SHAPES)
def test_maps_images_to_logits(name, shape):
    """Every model gives one finite logit a class for images of common sizes."""
    logits = build(name, shape=shape)(torch.rand(3, *shape))

    assert logits.shape == (3, 10)
    assert torch.isfinite(logits).all()


@EACH_MODEL
@pytest.mark.parametrize("training", [True, False])
def test_an_example_does_not_see_its_neighbours(name, training):
    """Changing one row leaves the logits of all other rows exactly as they were."""
    model = build(name).train(training)
    inputs = torch.rand(6, 1, 8, 8)
    changed = inputs.clone()
    changed[2] = 100.0

    before, after = model(inputs), model(changed)

    others = [0, 1, 3, 4, 5]
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before[2], after[2])


@EACH_MODEL
def test_no_layer_mixes_examples_or_works_in_place(name):
    """No BatchNorm, no dropout, no in-place activation."""
    for module in build(name).modules():
        assert not isinstance(module, nn.modules.batchnorm._NormBase), (
            "Rule 4: a zoo model takes statistics of private rows."
        )
        assert not isinstance(module, nn.modules.dropout._DropoutNd)
        assert not getattr(module, "inplace", False)


@EACH_MODEL
def test_every_parameter_gets_a_gradient(name):
    """No parameter is left out of the graph."""
    model = build(name)

    model(torch.rand(4, 1, 8, 8)).logsumexp(1).sum().backward()

    assert all(parameter.grad is not None for parameter in model.parameters())


@EACH_MODEL
def test_initial_weights_depend_on_the_seed_alone(name):
    """The same seed gives the same bytes, another seed others, whatever came before."""
    first = weights.to_bytes(build(name, seed=5))
    torch.rand(17)

    assert weights.to_bytes(build(name, seed=5)) == first
    assert weights.to_bytes(build(name, seed=6)) != first


def test_building_leaves_the_global_generator_alone():
    """A caller's own random numbers are not disturbed."""
    before = torch.get_rng_state()

    build("cnn", seed=5)

    assert torch.equal(torch.get_rng_state(), before)


def test_sizes_are_what_the_documentation_says():
    """Small models for small data: parameters of each on 28 x 28 images."""
    sizes = {
        name: sum(p.numel() for p in build(name, shape=(1, 28, 28)).parameters())
        for name in ZOO
    }

    assert sizes == {"linear": 7850, "mlp": 25450, "cnn": 20490, "resnet8": 77658}


def test_an_unknown_name_is_refused():
    """A name outside the zoo is answered with the zoo."""
    with pytest.raises(ValueError, match="one of linear, mlp, cnn, resnet8"):
        build("resnet18")


def test_code_cannot_be_named_for_a_model():
    """A path to somebody's function is no name of a model."""
    with (
        naming("Rule 12: a run's config named code."),
        pytest.raises(ValueError, match="one of linear, mlp, cnn, resnet8"),
    ):
        build("common.models.linear:build_linear")


@pytest.mark.parametrize("name", ["cnn", "resnet8"])
def test_image_models_refuse_flat_inputs(name):
    """A model for images says which shape it needs."""
    with pytest.raises(ValueError, match=r"needs examples of shape .* have \(64,\)"):
        build(name, shape=(64,))
