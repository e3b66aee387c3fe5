"""Rows of a table."""

import pytest
import torch

from common.features.feature_set import Settings
from common.features.standardised import Standardised


def test_rows_stay_as_they_are():
    """The public schema has scaled them."""
    rows = torch.rand(3, 5)
    columns = Standardised((5,), Settings())

    assert torch.equal(columns(rows), rows)
    assert columns.num_features == 5


def test_images_are_refused():
    """With what to use instead."""
    with pytest.raises(ValueError, match="use pixels, scattering or kmeans-patches"):
        Standardised((1, 8, 8), Settings())
