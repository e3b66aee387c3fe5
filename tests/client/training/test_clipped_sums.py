"""Clipped sums: equal to one-by-one gradients, whatever the model and the example."""

import numpy as np
import pytest
import torch
from torch import nn

from client.training.clipped_sums import (
    GradSampleMode,
    clipping_coefficients,
    grad_sample_mode,
)
from client.training.dp_sgd import clipped_sum
from common.losses import hard_cross_entropy
from common.models.zoo import ZOO, build_model

SHAPE = (1, 8, 8)
CLIPPING_NORM = 0.5


def make_model(name="mlp"):
    return build_model(name, input_shape=SHAPE, num_classes=10, seed=3)


def make_batch(size=6):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(size, *SHAPE, generator=generator)
    return inputs, torch.arange(size) % 10


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


def one_by_one(model, inputs, labels, clipping_norm=CLIPPING_NORM):
    total = 0
    for row in range(len(labels)):
        loss = hard_cross_entropy(model(inputs[row : row + 1]), labels[row : row + 1])
        gradient = flat(torch.autograd.grad(loss.sum(), list(model.parameters())))
        total += gradient * min(1.0, clipping_norm / float(gradient.norm()))
    return total


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("linear", GradSampleMode.GHOST),
        ("mlp", GradSampleMode.GHOST),
        ("cnn", GradSampleMode.HOOKS),
        ("resnet8", GradSampleMode.HOOKS),
    ],
)
def test_mode_of_each_zoo_model(name, mode):
    """Dense models take ghost clipping, convolutions hooks."""
    assert grad_sample_mode(make_model(name)) is mode


def _shared_layer():
    layer = nn.Linear(4, 4)
    return nn.Sequential(nn.Flatten(), layer, nn.Tanh(), layer)


def _frozen_weight():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    model[1].bias.requires_grad_(requires_grad=False)
    return model


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(4, 4),
        nn.Sequential(),
        nn.Sequential(nn.Linear(4, 4)),
        nn.Sequential(nn.Flatten(2), nn.Linear(4, 4)),
        nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.LayerNorm(4)),
        _shared_layer(),
        _frozen_weight(),
    ],
)
def test_anything_but_a_plain_dense_stack_takes_hooks(model):
    """Where linear layers might see sequences, or come twice, hooks are taken."""
    assert grad_sample_mode(model) is GradSampleMode.HOOKS


@pytest.mark.parametrize("name", sorted(ZOO))
@pytest.mark.parametrize("clipping_norm", [0.05, 0.5, 1e9])
def test_sum_equals_the_sum_taken_one_by_one(name, clipping_norm):
    """Per-example clipping, not per-batch: the sum agrees to float precision."""
    model = make_model(name)
    inputs, labels = make_batch()

    found = flat(clipped_sum(model, inputs, labels, clipping_norm=clipping_norm))

    expected = one_by_one(model, inputs, labels, clipping_norm)
    assert (found - expected).norm() < 1e-4 * expected.norm(), (
        "Rule 6: the sum is not that of gradients clipped one by one."
    )


def _set(value):
    def change(inputs):
        inputs[2] = value

    return change


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn"])
@pytest.mark.parametrize("value", [1e6, -1e6, 1e30, np.nan, np.inf])
def test_one_hostile_example_moves_the_sum_by_at_most_the_clipping_norm(name, value):
    """An example of 1e6, 1e30, NaN or infinity changes the sum by at most C."""
    model = make_model(name)
    inputs, labels = make_batch()
    hostile = inputs.clone()
    hostile[2] = value
    others = torch.arange(len(labels)) != 2

    without = clipped_sum(
        model, inputs[others], labels[others], clipping_norm=CLIPPING_NORM
    )
    found = clipped_sum(model, hostile, labels, clipping_norm=CLIPPING_NORM)

    moved = float((flat(found) - flat(without)).norm())
    assert moved <= CLIPPING_NORM * (1 + 1e-5), (
        "Rule 6: an example moves the sum by more than the sensitivity."
    )
    if not np.isfinite(value):
        assert moved < 1e-6


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_batch_of_nothing_but_nan_adds_zero(name):
    """If no example has a finite gradient the sum is exactly zero."""
    model = make_model(name)
    inputs, labels = make_batch()

    found = clipped_sum(model, inputs * np.nan, labels, clipping_norm=CLIPPING_NORM)

    assert (flat(found) == 0).all(), "Rule 8: a NaN gradient did not become zero."


@pytest.mark.parametrize(
    ("norm", "coefficient"),
    [(0.0, 1.0), (0.25, 1.0), (1.0, 0.5), (1e30, 0.0), (np.inf, 0.0), (np.nan, 0.0)],
)
def test_clipping_coefficient_at_its_edges(norm, coefficient):
    """Small norms are left alone, large ones scaled to C, and no norm counts as 0."""
    found = clipping_coefficients(torch.tensor([norm]), CLIPPING_NORM)

    assert float(found) == pytest.approx(coefficient, abs=1e-6)


def test_model_is_left_as_it_was():
    """No hook, gradient or attribute of Opacus stays on the model."""
    model = make_model("cnn")
    attributes = [set(vars(module)) for module in model.modules()]
    weights = flat(model.parameters()).clone()

    clipped_sum(model, *make_batch(), clipping_norm=CLIPPING_NORM)

    assert not any(module._forward_hooks for module in model.modules())
    assert not any(module._backward_hooks for module in model.modules())
    assert not any(vars(parameter) for parameter in model.parameters())
    assert (flat(model.parameters()) == weights).all()
    leftovers = [
        set(vars(module)) - before
        for module, before in zip(model.modules(), attributes, strict=True)
    ]
    assert not any(leftovers)
