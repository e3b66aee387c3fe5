"""Distillation losses."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from common.losses import (
    distillation_loss,
    hard_cross_entropy,
    mixed_loss,
    soft_cross_entropy,
)

LOGITS = st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4).map(torch.tensor)
TEMPERATURES = st.floats(0.25, 50)


def gradient(logits, probabilities, temperature):
    variable = logits.clone().requires_grad_()
    distillation_loss(variable, probabilities, temperature=temperature).backward()
    return variable.grad


@given(LOGITS, LOGITS)
def test_soft_cross_entropy_is_entropy_plus_divergence(student, teacher):
    """-sum p log q equals H(p) + KL(p || q), computed independently."""
    log_q, p = student.log_softmax(0), teacher.softmax(0)

    value = soft_cross_entropy(log_q, p)

    entropy = torch.distributions.Categorical(probs=p).entropy()
    divergence = functional.kl_div(log_q, p, reduction="sum")
    torch.testing.assert_close(value, entropy + divergence, atol=1e-5, rtol=1e-5)


@given(LOGITS, LOGITS)
def test_soft_cross_entropy_is_least_at_the_targets(student, teacher):
    """No prediction scores better than the target itself (Gibbs)."""
    p = teacher.softmax(0)

    best = soft_cross_entropy(p.log(), p)

    assert soft_cross_entropy(student.log_softmax(0), p) >= best - 1e-6


def test_zero_times_minus_infinity_is_zero():
    """A class that both call impossible adds nothing, forwards and backwards."""
    logits = torch.tensor([[0.0, 0.0, -torch.inf]], requires_grad=True)
    probabilities = torch.tensor([[0.5, 0.5, 0.0]])

    loss = distillation_loss(logits, probabilities, temperature=1.0)
    loss.sum().backward()

    assert loss.item() == pytest.approx(0.6931472)
    assert torch.isfinite(logits.grad).all()


@given(LOGITS, LOGITS, TEMPERATURES)
def test_gradient_is_temperature_times_the_difference(student, teacher, temperature):
    """Hinton et al. (2015), equation 2, times T^2: T (softmax(z / T) - p)."""
    p = (teacher / temperature).softmax(0)

    result = gradient(student, p, temperature)

    expected = temperature * ((student / temperature).softmax(0) - p)
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)


@given(LOGITS, LOGITS)
def test_factor_keeps_the_gradient_when_temperature_grows(student, teacher):
    """Hinton et al. (2015), equation 4: times T^2, it tends to (z - v) / classes."""
    student, teacher = (
        logits.double() - logits.double().mean() for logits in (student, teacher)
    )

    limit = (student - teacher) / 4
    for temperature in (1e3, 1e4):
        p = (teacher / temperature).softmax(0)
        result = gradient(student, p, temperature)

        torch.testing.assert_close(result, limit, atol=0.02, rtol=0)


def test_no_loss_takes_a_mean():
    """Every loss has one value an example; reduction is the caller's."""
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    p = torch.randn(5, 3).softmax(1)

    shapes = {
        soft_cross_entropy(logits.log_softmax(1), p).shape,
        distillation_loss(logits, p, temperature=2.0).shape,
        hard_cross_entropy(logits, labels).shape,
        mixed_loss(logits, p, labels, temperature=2.0, soft_weight=0.5).shape,
    }

    assert shapes == {(5,)}


def test_hard_cross_entropy_is_the_soft_one_on_one_hot_labels():
    """A class label is a soft label with all its weight on one class."""
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])

    soft = distillation_loss(
        logits, functional.one_hot(labels).float(), temperature=1.0
    )

    torch.testing.assert_close(hard_cross_entropy(logits, labels), soft)


@pytest.mark.parametrize("soft_weight", [0.0, 0.3, 1.0])
def test_mixed_loss_is_the_weighted_mean(soft_weight):
    """The mix is linear between the hard and the soft loss."""
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    p = torch.randn(5, 3).softmax(1)

    mixed = mixed_loss(logits, p, labels, temperature=2.0, soft_weight=soft_weight)

    soft = distillation_loss(logits, p, temperature=2.0)
    hard = hard_cross_entropy(logits, labels)
    torch.testing.assert_close(mixed, soft_weight * soft + (1 - soft_weight) * hard)


@pytest.mark.parametrize("soft_weight", [-0.1, 1.1, float("nan")])
def test_mixed_loss_refuses_a_weight_outside_the_unit_interval(soft_weight):
    """A weight is a share."""
    with pytest.raises(ValueError, match=r"^Expected soft_weight=.* in \[0, 1\]\.$"):
        mixed_loss(
            torch.zeros(1, 2),
            torch.full((1, 2), 0.5),
            torch.tensor([0]),
            temperature=1.0,
            soft_weight=soft_weight,
        )
