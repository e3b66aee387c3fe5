"""``linear``: multinomial logistic regression on the flattened input."""

from __future__ import annotations

import math

from torch import nn


def build_linear(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Returns flatten, linear.

    Args:
        input_shape: shape of one example.
        num_classes: number of classes.
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(input_shape), num_classes))
