"""The independence test lets the zoo pass and stops what mixes examples."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from client.training.independence import model_problems
from common.models.zoo import ZOO, build_model

SHAPE = (1, 8, 8)


def problems(model, shape=SHAPE):
    return model_problems(model, input_shape=shape, num_classes=10)


@pytest.mark.parametrize("name", sorted(ZOO))
def test_zoo_models_pass(name):
    """Every model that a config may name treats examples one by one."""
    model = build_model(name, input_shape=SHAPE, num_classes=10, seed=0)

    assert problems(model) == ()


def test_batch_norm_is_refused_with_advice():
    """BatchNorm takes statistics over examples; GroupNorm is named instead."""
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(288, 10)
    )

    found = problems(model)

    assert found[0] == (
        "BatchNorm cannot support training with differential privacy. Use GroupNorm "
        "or LayerNorm instead of batch statistics, activations with inplace=False, "
        "each layer once, and no dropout."
    )


class _Wrapped(nn.Module):
    def __init__(self, mix):
        super().__init__()
        self.mix = mix
        self.head = nn.Linear(64, 10)

    def forward(self, inputs):
        return self.head(self.mix(inputs.flatten(1)))


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x - x.mean(0),
        lambda x: x.cumsum(0),
        lambda x: x.flip(0).cumsum(0).flip(0),
        lambda x: x.roll(1, 0),
        nn.BatchNorm1d(64, affine=False),
    ],
    ids=["mean", "sum forwards", "sum backwards", "neighbour", "statistics"],
)
def test_model_that_mixes_examples_is_refused(mix):
    """Mixing that Opacus' validator lets pass is caught by changing one row."""
    found = problems(_Wrapped(mix))

    assert any(
        "The model mixes examples: changing one row changes others." in problem
        for problem in found
    ), "Rule 12: a model that mixes examples may train on private data."


class _Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, inputs):
        return self.function(inputs)


class _UsesWeightWithoutItsModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 10)
        self.second = nn.Linear(10, 10)

    def forward(self, inputs):
        hidden = torch.tanh(self.first(inputs.flatten(1)))
        hidden = hidden + functional.linear(hidden, self.second.weight)
        return self.second(hidden)


def _relu_in_place(hidden):
    return hidden.relu_()


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 10)
        ),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10), _Function(_relu_in_place)),
        nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10)),
        _UsesWeightWithoutItsModule(),
    ],
    ids=["in-place layer", "in-place function", "dropout", "weight without module"],
)
def test_model_with_wrong_gradients_of_single_examples_is_refused(model):
    """Clipped sums that differ from gradients taken one at a time are caught."""
    (problem,) = problems(model)

    assert problem.startswith("Gradients of single examples c")
    assert problem.endswith("inplace=False, each layer once, and no dropout.")


def test_probe_leaves_model_and_generator_alone():
    """The test works on a copy and puts torch's generator back."""
    model = build_model("mlp", input_shape=SHAPE, num_classes=10, seed=0)
    weights = [p.detach().clone() for p in model.parameters()]
    state = torch.random.get_rng_state()

    problems(model)

    assert all(
        torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True)
    )
    assert torch.equal(state, torch.random.get_rng_state())
    assert not any(module._forward_hooks for module in model.modules())
