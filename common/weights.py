"""A model's weights as canonical bytes: safetensors, never pickle.

The same weights give the same bytes on every machine, so a hash names them.
"""

from __future__ import annotations

import hashlib

import torch
from safetensors.torch import load, save
from torch import nn

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
        DataError: the bytes are not safetensors, or names and shapes do not match.
    """
    try:
        model.load_state_dict(load(content))
    except Exception as error:
        raise DataError(
            f"The weights do not fit a {type(model).__name__}: {error}. Nothing was "
            "loaded."
        ) from error


def sha256(content: bytes) -> str:
    """Returns the SHA-256 of weights' bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def all_finite(model: nn.Module) -> bool:
    """Returns whether every parameter and buffer is finite."""
    return all(
        bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()
    )
