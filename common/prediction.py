"""What a student says about inputs: logits, soft labels, accuracy."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from common.soft_labels import SoftLabels, log_softmax

BATCH_SIZE = 1024  # bounds memory; the result does not depend on it


def predict_logits(
    student: nn.Module, inputs: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Returns logits [num_examples, num_classes], float32, without gradients.

    Args:
        student: maps [batch, ...] to [batch, num_classes].
        inputs: float32 [num_examples, ...].
    """
    remembering = getattr(student, "predict_logits", None)
    if remembering is not None:  # an additive head, whose features are costly
        logits: NDArray[np.float32] = remembering(inputs)
        return logits
    student.eval()
    with torch.inference_mode():
        parts = [
            # A copy: inputs are read-only, which torch warns about at length.
            student(torch.from_numpy(np.array(part, order="C"))).numpy()
            for part in np.array_split(inputs, max(1, -(-len(inputs) // BATCH_SIZE)))
        ]
    return np.concatenate(parts)


def predict_soft_labels(
    student: nn.Module,
    inputs: NDArray[np.float32],
    *,
    indices: NDArray[np.int32],
    temperature: float,
    transfer_set_id: str,
) -> SoftLabels:
    """Returns the student's soft labels on some examples of the transfer set.

    Args:
        student: maps [batch, ...] to logits.
        inputs: the whole transfer set, [transfer_size, ...].
        indices: int32 [num_examples], the examples to label.
        temperature: T > 0 dividing the logits, dimensionless.
        transfer_set_id: content id of the transfer set.
    """
    logits = predict_logits(student, inputs[indices])
    return SoftLabels(
        log_probabilities=log_softmax(logits / temperature).astype(np.float32),
        temperature=temperature,
        transfer_set_id=transfer_set_id,
        indices=indices,
    )


def accuracy(
    student: nn.Module, inputs: NDArray[np.float32], labels: NDArray[np.int64]
) -> float:
    """Returns the share of examples whose largest logit is the label's, in [0, 1].

    Args:
        student: maps [batch, ...] to logits.
        inputs: float32 [num_examples, ...].
        labels: int64 [num_examples].
    """
    return float((predict_logits(student, inputs).argmax(axis=1) == labels).mean())
