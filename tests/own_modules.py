"""Modules of a user's own for tests: written into the current folder, never cached."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

_numbers = itertools.count()

MODELS = """
    import math
    from torch import nn

    class Narrow(nn.Module):
        def __init__(self, size, classes):
            super().__init__()
            self.last = nn.Linear(8, classes)
            self.first = nn.Linear(size, 8)

        def forward(self, inputs):
            return self.last(self.first(inputs.flatten(1)).tanh())

    def build(input_shape, num_classes):
        return Narrow(math.prod(input_shape), num_classes)

    def with_batch_norm(input_shape, num_classes):
        size = math.prod(input_shape)
        return nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(size), nn.Linear(size, num_classes)
        )

    def with_group_norm(input_shape, num_classes):
        size = math.prod(input_shape)
        return nn.Sequential(
            nn.Flatten(), nn.GroupNorm(1, size), nn.Linear(size, num_classes)
        )

    def one_class_too_many(input_shape, num_classes):
        return build(input_shape, num_classes + 1)

    def fails(input_shape, num_classes):
        raise RuntimeError("no\\nidea")

    def no_module(input_shape, num_classes):
        return "a model"

    def without_parameters(input_shape, num_classes):
        return nn.Flatten()

    def for_tables(input_shape, num_classes):
        return nn.Linear(3, num_classes)

    def with_tied_weights(input_shape, num_classes):
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(math.prod(input_shape), num_classes),
            nn.Linear(num_classes, num_classes), nn.Linear(num_classes, num_classes),
        )
        model[3].weight = model[2].weight
        return model

    a_number = 3
"""


def write_module(monkeypatch, folder: Path, text: str = MODELS) -> str:
    """Writes a module of a name that no test had before; makes its folder current."""
    name = f"own_module_{next(_numbers)}"
    (folder / f"{name}.py").write_text(textwrap.dedent(text))
    monkeypatch.chdir(folder)
    return name
