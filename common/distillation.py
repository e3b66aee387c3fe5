"""Distilling soft labels into a student: the digest of a site, and the global student.

Hinton et al. (2015) with Adam; public data only, so it costs no privacy.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from common.losses import distillation_loss
from common.recipes import DistillationRecipe
from common.soft_labels import SoftLabels


def distil(
    student: nn.Module,
    inputs: NDArray[np.float32],
    soft_labels: SoftLabels,
    recipe: DistillationRecipe,
    *,
    generator: torch.Generator,
) -> None:
    """Trains ``student`` in place towards soft labels.

    Args:
        student: maps [batch, ...] to logits [batch, num_classes].
        inputs: the transfer set's inputs, [transfer_size, ...]; those at
            ``soft_labels.indices`` are used.
        soft_labels: the consensus.
        recipe: epochs, learning rate, batch size.
        generator: orders the examples; a public seed.
    """
    if recipe.epochs == 0 or len(soft_labels) == 0:
        return
    examples = torch.from_numpy(inputs[soft_labels.indices])
    targets = torch.from_numpy(soft_labels.probabilities.copy())
    optimizer = torch.optim.Adam(
        student.parameters(), lr=recipe.learning_rate, fused=True
    )
    student.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(examples), generator=generator)
        for rows in torch.split(order, recipe.batch_size):
            optimizer.zero_grad()
            losses = distillation_loss(
                student(examples[rows]),
                targets[rows],
                temperature=soft_labels.temperature,
            )
            losses.mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
