"""``resnet8``: three residual blocks of 16, 32 and 64 channels.

He et al. (2016), "Deep Residual Learning for Image Recognition",
https://arxiv.org/abs/1512.03385, in the CIFAR form with one block a stage. We differ:
GroupNorm (Wu & He 2018) for BatchNorm, which mixes examples and has no place in
differential privacy; 1x1 convolutions on shortcuts that change shape.
"""

from __future__ import annotations

from torch import Tensor, nn

CHANNELS = (16, 32, 64)
GROUPS = 8


class ResidualBlock(nn.Module):
    """conv-norm-relu-conv-norm plus a shortcut, then relu."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(
            channels_in, channels_out, 3, stride=stride, padding=1, bias=False
        )
        self.first_norm = nn.GroupNorm(GROUPS, channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(GROUPS, channels_out)
        # In-place ReLU after a hooked layer corrupts per-example gradients.
        self.relu = nn.ReLU(inplace=False)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=stride)

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps [batch, channels_in, height, width] to channels_out, strided."""
        hidden = self.relu(self.first_norm(self.first(inputs)))
        residual = self.second_norm(self.second(hidden))
        result: Tensor = self.relu(residual + self.shortcut(inputs))
        return result


def build_resnet8(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Returns the network; about 78,000 parameters for one input channel.

    Args:
        input_shape: (channels, height, width) of one example.
        num_classes: number of classes.
    """
    return nn.Sequential(
        nn.Conv2d(input_shape[0], CHANNELS[0], 3, padding=1, bias=False),
        nn.GroupNorm(GROUPS, CHANNELS[0]),
        nn.ReLU(inplace=False),
        ResidualBlock(CHANNELS[0], CHANNELS[0], stride=1),
        ResidualBlock(CHANNELS[0], CHANNELS[1], stride=2),
        ResidualBlock(CHANNELS[1], CHANNELS[2], stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(CHANNELS[2], num_classes),
    )
