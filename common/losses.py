"""Distillation losses.

Hinton, Vinyals & Dean (2015), "Distilling the Knowledge in a Neural Network",
https://arxiv.org/abs/1503.02531: soft targets at temperature T, gradients that scale
as 1/T^2 and hence a factor T^2, and a weighted mix of soft and hard targets
(section 2). We differ in nothing. No function takes a mean: reduction is the caller's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def soft_cross_entropy(log_predictions: Tensor, probabilities: Tensor) -> Tensor:
    """Returns -sum_c p_c log q_c, in nats.

    Args:
        log_predictions: log probabilities q, [batch, num_classes].
        probabilities: p, [batch, num_classes], rows on the simplex; zeros are fine.

    Returns:
        [batch]; its gradient in the predictions is that of KL(p || q).
    """
    # 0 * -inf is NaN, 0 log 0 is 0 by convention: the mask restores the convention.
    terms = torch.where(probabilities > 0, probabilities * log_predictions, 0.0)
    return -terms.sum(dim=-1)


def distillation_loss(
    student_logits: Tensor, probabilities: Tensor, *, temperature: float
) -> Tensor:
    """Returns T^2 times the cross-entropy to soft labels made at temperature T.

    Args:
        student_logits: [batch, num_classes], at temperature 1.
        probabilities: soft labels at ``temperature``, [batch, num_classes].
        temperature: T > 0, dimensionless.

    Returns:
        [batch], in nats times T^2. The factor keeps gradients comparable across
        temperatures (Hinton et al. 2015, section 2).
    """
    log_predictions = functional.log_softmax(student_logits / temperature, dim=-1)
    return temperature**2 * soft_cross_entropy(log_predictions, probabilities)


def hard_cross_entropy(student_logits: Tensor, labels: Tensor) -> Tensor:
    """Returns the cross-entropy to class labels at temperature 1, in nats.

    Args:
        student_logits: [batch, num_classes].
        labels: int64 [batch], in [0, num_classes).

    Returns:
        [batch].
    """
    return functional.cross_entropy(student_logits, labels, reduction="none")


def mixed_loss(
    student_logits: Tensor,
    probabilities: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    soft_weight: float,
) -> Tensor:
    """Returns the weighted mean of soft and hard loss (Hinton et al. 2015, section 2).

    Args:
        student_logits: [batch, num_classes].
        probabilities: soft labels at ``temperature``, [batch, num_classes].
        labels: int64 [batch].
        temperature: T > 0, dimensionless.
        soft_weight: weight of the soft loss, in [0, 1].

    Returns:
        [batch].

    Raises:
        ValueError: ``soft_weight`` outside [0, 1].
    """
    if not 0 <= soft_weight <= 1:
        raise ValueError(f"Expected soft_weight={soft_weight} in [0, 1].")
    soft = distillation_loss(student_logits, probabilities, temperature=temperature)
    hard = hard_cross_entropy(student_logits, labels)
    return soft_weight * soft + (1 - soft_weight) * hard
