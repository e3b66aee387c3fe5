"""``mlp``: one small hidden layer.

tanh, not ReLU: bounded activations train better under clipping (Papernot et al. 2021,
"Tempered Sigmoid Activations for Deep Learning with Differential Privacy",
https://arxiv.org/abs/2007.14191).
"""

from __future__ import annotations

import math

from torch import nn

HIDDEN_UNITS = 32


def build_mlp(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Returns flatten, linear to :data:`HIDDEN_UNITS`, tanh, linear.

    Args:
        input_shape: shape of one example.
        num_classes: number of classes.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(input_shape), HIDDEN_UNITS),
        nn.Tanh(),
        nn.Linear(HIDDEN_UNITS, num_classes),
    )
