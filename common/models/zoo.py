"""The zoo: the architectures that a run's config may name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from common.models.cnn import build_cnn
from common.models.linear import build_linear
from common.models.mlp import build_mlp
from common.models.resnet8 import build_resnet8

Builder = Callable[[tuple[int, ...], int], nn.Module]

ZOO: dict[str, Builder] = {
    "linear": build_linear,
    "mlp": build_mlp,
    "cnn": build_cnn,
    "resnet8": build_resnet8,
}
NEEDS_IMAGES = frozenset({"cnn", "resnet8"})
IMAGE_AXES = 3


def build_model(
    name: str, *, input_shape: tuple[int, ...], num_classes: int, seed: int
) -> nn.Module:
    """Returns a zoo model whose initial weights depend on ``seed`` alone.

    Args:
        name: a key of :data:`ZOO`.
        input_shape: shape of one example.
        num_classes: number of classes.
        seed: public seed of the initial weights.

    Raises:
        ValueError: an unknown name, or a model for images given something else.
    """
    if name not in ZOO:
        raise ValueError(f"Expected model={name!r} to be one of {', '.join(ZOO)}.")
    if name in NEEDS_IMAGES and len(input_shape) != IMAGE_AXES:
        raise ValueError(
            f"Model {name!r} needs examples of shape (channels, height, width), "
            f"these have {input_shape}."
        )
    # torch's initialisers know only the global generator; fork_rng puts it back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ZOO[name](input_shape, num_classes)
