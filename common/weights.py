"""A model's weights as canonical bytes: safetensors, never pickle.

The same weights give the same bytes on every machine, so a hash names them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from common.errors import DataError


def to_bytes(model: nn.Module) -> bytes:
    """Returns the model's parameters and buffers as safetensors bytes."""
    state = {
        name: tensor.detach().contiguous()
        for name, tensor in sorted(model.state_dict().items())
    }
    return save(state)


def load_into(model: nn.Module, content: bytes) -> None:
    """Puts weights from :func:`to_bytes` into ``model``.

    Raises:
        DataError: the bytes are not safetensors, or names, shapes and types do not
            match; the model is as it was.
    """
    try:
        state = load(content)
    except Exception as error:  # damaged headers fail in many ways
        raise DataError(
            "The weights are not a safetensors file. Nothing was loaded."
        ) from error
    # torch would load what fits before it complains about the rest.
    odd = odd_names(model, state)
    if odd:
        raise DataError(
            f"The weights do not fit the model, other names, shapes or types: "
            f"{', '.join(odd)}. Nothing was loaded."
        )
    model.load_state_dict(state)


def odd_names(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Returns the names that only one of both has, or in another shape or type.

    Args:
        model: that ``state`` should fit.
        state: tensors by name.
    """
    found, expected = _layout(state), _layout(model.state_dict())
    return sorted(
        name
        for name in found.keys() | expected.keys()
        if found.get(name) != expected.get(name)
    )


def sha256(content: bytes) -> str:
    """Returns the SHA-256 of weights' bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def all_finite(model: nn.Module) -> bool:
    """Returns whether every parameter and buffer is finite."""
    return all(
        bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()
    )


def _layout(state: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in state.items()}
