"""Training without noise, for runs that promise no privacy; the policy gates it."""

from __future__ import annotations

import torch
from torch import nn

from client.private_data import PrivateData
from client.training.random_stream import RandomStream
from common.failpoints import failpoint
from common.losses import hard_cross_entropy


def train_plainly(
    student: nn.Module,
    data: PrivateData,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    stream: RandomStream,
) -> None:
    """Trains ``student`` in place by Adam. What it learns is not private.

    Args:
        student: maps [batch, ...] to logits [batch, num_classes].
        data: labelled examples.
        epochs: passes over them.
        batch_size: examples a step.
        learning_rate: Adam's.
        stream: orders the examples.
    """
    optimizer = torch.optim.Adam(student.parameters(), lr=learning_rate, fused=True)
    student.train()
    for _ in range(epochs):
        order = stream.permutation(len(data))
        for start in range(0, len(order), batch_size):
            inputs, labels = data.rows(order[start : start + batch_size])
            if len(labels) == 0:
                continue
            optimizer.zero_grad()
            logits = student(torch.from_numpy(inputs))
            losses = hard_cross_entropy(logits, torch.from_numpy(labels))
            losses.mean().backward()  # type: ignore[no-untyped-call]
            failpoint("site.mid-step")
            optimizer.step()
