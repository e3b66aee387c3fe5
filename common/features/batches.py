"""Batches of one size, so that a row's features depend on that row alone.

A matrix product may add up in another order when it has another number of rows. Here
every product has the same shape whoever asks, and the last batch is filled with zeros:
a row gives the same bytes alone and among others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

ROWS = 128


def in_fixed_batches(
    function: Callable[[Tensor], Tensor], inputs: Tensor, *, width: int
) -> Tensor:
    """Returns ``function`` of inputs, always called with :data:`ROWS` rows.

    Args:
        function: maps [ROWS, ...] to [ROWS, width], row by row.
        inputs: [num_examples, ...].
        width: numbers that a row becomes.

    Returns:
        [num_examples, width].
    """
    results = inputs.new_empty((len(inputs), width))
    for start in range(0, len(inputs), ROWS):
        rows = inputs[start : start + ROWS]
        # A fresh copy, full batches too: aligned in memory the same way every time.
        batch = inputs.new_zeros((ROWS, *inputs.shape[1:]))
        batch[: len(rows)] = rows
        results[start : start + len(rows)] = function(batch)[: len(rows)]
    return results


def featurise(module: nn.Module, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns what ``module`` makes of inputs, without gradients.

    Args:
        module: a feature basis or map.
        inputs: float32 [num_examples, ...].
    """
    with torch.inference_mode():
        # A copy: torch warns of arrays that cannot be written to.
        outputs = module(torch.from_numpy(np.array(inputs, np.float32)))
        result: NDArray[np.float32] = outputs.numpy()
    return result
