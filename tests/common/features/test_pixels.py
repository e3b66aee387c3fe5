"""Pixels as they are."""

import torch

from common.features.feature_set import Settings
from common.features.pixels import Pixels


def test_pixels_are_laid_out_in_order():
    """Any shape, in C order."""
    pixels = Pixels((2, 3, 4), Settings())
    images = torch.arange(48.0).view(2, 2, 3, 4)

    assert torch.equal(pixels(images), torch.arange(48.0).view(2, 24))
    assert pixels.num_features == 24
