"""Builds a model by somebody's own factory, and says in words why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from common.own_code import folder_first, in_one_line


def build_own_model(
    factory: Callable[..., object],
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    folder: Path,
) -> nn.Module:
    """Returns what a factory gives.

    Args:
        factory: of (input_shape, num_classes); whoever calls this runs its code.
        input_shape: shape of one example.
        num_classes: number of classes.
        folder: where modules that it imports are looked for first.

    Raises:
        ValueError: what is wrong, as the end of a sentence that names the key.
    """
    try:
        with folder_first(folder):  # a factory may import more
            model = factory(input_shape, num_classes)
    except Exception as error:  # code of others fails in ways of its own
        raise ValueError(
            f"it cannot be built for examples of shape {input_shape} and "
            f"{num_classes} classes ({in_one_line(error).rstrip('.')})"
        ) from error
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise ValueError(f"it gave a {kind}, must give a torch.nn.Module")  # noqa: TRY004
    return model
