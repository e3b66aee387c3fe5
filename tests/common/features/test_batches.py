"""Batches of one size."""

import numpy as np
import pytest
import torch
from torch import nn

from common.features.batches import ROWS, featurise, in_fixed_batches


@pytest.mark.parametrize("count", [0, 1, ROWS, ROWS + 1, 3 * ROWS])
def test_a_function_sees_one_shape_only(count):
    """And its results come back in order, without the filling."""
    shapes = []
    inputs = torch.arange(2.0 * count).view(count, 2)

    def doubled(batch):
        shapes.append(tuple(batch.shape))
        return 2 * batch

    results = in_fixed_batches(doubled, inputs, width=2)

    assert torch.equal(results, 2 * inputs)
    assert set(shapes) <= {(ROWS, 2)}
    assert len(shapes) == -(-count // ROWS)


def test_inputs_stay_as_they_are():
    """A function may work in place."""
    inputs = torch.ones(3, 2)

    in_fixed_batches(lambda batch: batch.mul_(5), inputs, width=2)

    assert torch.equal(inputs, torch.ones(3, 2))


def test_featurise_takes_read_only_rows_and_gives_arrays():
    """As transfer sets have them, without a warning and without gradients."""
    rows = np.ones((3, 2), np.float32)
    rows.setflags(write=False)
    linear = nn.Linear(2, 4)

    outputs = featurise(linear, rows)

    assert outputs.dtype == np.float32
    assert outputs.shape == (3, 4)
