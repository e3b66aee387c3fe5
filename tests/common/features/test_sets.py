"""Sets of features by name, and from the layout in a student's file."""

import json

import pytest
import torch

from common.features.sets import SETS, new_set, set_from_layout

SHAPES = dict.fromkeys(SETS, (1, 8, 8)) | {"standardised": (7,)}


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_layout_survives_json(name):
    """And gives buffers of the same names and shapes."""
    whole = new_set(name, SHAPES[name])

    again = set_from_layout(json.loads(json.dumps(whole.layout())), SHAPES[name])

    assert again.layout() == whole.layout()
    assert {key: value.shape for key, value in again.state_dict().items()} == {
        key: value.shape for key, value in whole.state_dict().items()
    }


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_set_can_be_built_without_memory(name):
    """A header may ask for sizes that its file does not have."""
    with torch.device("meta"):
        empty = set_from_layout(new_set(name, SHAPES[name]).layout(), SHAPES[name])

    assert all(buffer.is_meta for buffer in empty.buffers())


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_set_learns_buffers_only(name):
    """Nothing of it is trained, and so nothing of it is charged."""
    assert not list(new_set(name, SHAPES[name]).parameters())


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"name": "edges"},
        {"name": ["pixels"]},
        {"name": "pixels", "size": 3},
        {"name": "scattering", "scales": "2"},
        {"name": "scattering", "scales": 1.5},
        {"name": "scattering", "scales": 99},
        {"name": "kmeans-patches", "centroids": 10**9},
        {"name": "kmeans-patches", "size": 0},
        {"name": "kmeans-patches", "size": 2.5},
        [],
        7,
    ],
)
def test_a_layout_that_describes_no_set_is_refused(layout):
    """It may come from anybody."""
    with pytest.raises(ValueError, match="Expected"):
        set_from_layout(layout, (1, 8, 8))
