"""Weights as canonical bytes."""

import hashlib
import io

import pytest
import torch
from safetensors.torch import save
from torch import nn

from common import weights
from common.errors import DataError
from common.models.zoo import ZOO, build_model
from tests.rules import naming


def build(name="mlp", seed=1):
    return build_model(name, input_shape=(1, 8, 8), num_classes=10, seed=seed)


@pytest.mark.parametrize("name", sorted(ZOO))
def test_round_trip_gives_the_same_model(name):
    """A model loaded from its bytes is the model, bit for bit."""
    model, other = build(name, seed=1), build(name, seed=2)
    assert weights.to_bytes(model) != weights.to_bytes(other)

    weights.load_into(other, weights.to_bytes(model))

    assert weights.to_bytes(other) == weights.to_bytes(model)


def test_bytes_do_not_depend_on_memory_layout():
    """A transposed parameter gives the bytes of its contiguous twin."""
    model, twin = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    values = torch.arange(9.0).reshape(3, 3)
    model.weight = nn.Parameter(values.t().contiguous().t())
    twin.weight = nn.Parameter(values)
    assert not model.weight.is_contiguous()

    assert weights.to_bytes(model) == weights.to_bytes(twin)


def test_hash_is_that_of_the_bytes():
    """The hash that names weights in the ledger is plain SHA-256."""
    content = weights.to_bytes(build())

    assert weights.sha256(content) == hashlib.sha256(content).hexdigest()


def changed_state(**changes):
    state = {name: value.clone() for name, value in build().state_dict().items()}
    return save({**state, **changes})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The weights are not a safetensors file. Nothing was loaded."),
        (b"\x80\x04pickle", "The weights are not a safetensors file. Nothing"),
        (weights.to_bytes(build())[:-1], "not a safetensors file"),
        (weights.to_bytes(build("linear")), "other names, shapes or types: 1.bias, "),
        (
            changed_state(**{"3.bias": torch.zeros(9)}),
            "other names, shapes or types: 3.bias. Nothing was loaded.",
        ),
        (
            changed_state(**{"3.bias": torch.zeros(10, dtype=torch.float64)}),
            "other names, shapes or types: 3.bias. Nothing was loaded.",
        ),
        (
            changed_state(extra=torch.zeros(1)),
            "other names, shapes or types: extra. Nothing was loaded.",
        ),
    ],
)
def test_weights_that_do_not_fit_load_nothing(content, message):
    """Foreign weights are refused in one line, and no parameter has changed."""
    model = build()
    before = weights.to_bytes(model)

    with pytest.raises(DataError) as caught:
        weights.load_into(model, content)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert weights.to_bytes(model) == before


def test_pickled_weights_are_refused():
    """What torch.save writes is never read, even if it would fit."""
    file = io.BytesIO()
    torch.save(build().state_dict(), file)

    with (
        naming("Rule 13: weights were unpickled."),
        pytest.raises(DataError, match="not a safetensors file"),
    ):
        weights.load_into(build(), file.getvalue())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_value_that_is_not_finite_is_seen(value):
    """A single NaN or infinity in any parameter counts."""
    model = build()
    assert weights.all_finite(model)

    with torch.no_grad():
        next(iter(model.parameters()))[0, 0] = value

    assert not weights.all_finite(model)
