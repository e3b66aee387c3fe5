"""Soft labels: class probabilities at a stated temperature, kept as logarithms.

The log-opinion pool adds logarithms, and a site's logit gap reaches 43 at epsilon 1:
probabilities stored as such would underflow and one site could veto a class for all.
So the value holds log probabilities; :attr:`SoftLabels.probabilities` derives the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import checks
from common.arrays import read_only

SIMPLEX_TOLERANCE = 1e-4
_LARGEST_INDEX = 2**31 - 1


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns log-softmax over the last axis, float64, stable for any finite gap.

    Args:
        logits: [..., num_classes]; -inf is allowed where a row keeps a finite entry.
    """
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    normaliser = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.asarray(shifted - normaliser, np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftLabels:
    """Soft labels of some examples of one transfer set.

    Attributes:
        log_probabilities: float32 [num_examples, num_classes], natural logarithms;
            rows normalised within :data:`SIMPLEX_TOLERANCE`; -inf means probability 0.
        temperature: the temperature they were made at, > 0, dimensionless.
        transfer_set_id: content id of the transfer set.
        indices: int32 [num_examples], distinct positions in the transfer set.

    Raises:
        ValueError: a shape, a NaN, a row off the simplex, or repeated indices.
    """

    log_probabilities: NDArray[np.float32]
    temperature: float
    transfer_set_id: str
    indices: NDArray[np.int32]

    def __post_init__(self) -> None:
        logs = np.asarray(self.log_probabilities)
        indices = np.asarray(self.indices)
        checks.positive(temperature=self.temperature)
        checks.non_empty(transfer_set_id=self.transfer_set_id)
        if logs.ndim != 2 or logs.shape[1] < 2:  # noqa: PLR2004
            raise ValueError(
                "Expected log probabilities of shape [num_examples, num_classes] "
                f"with at least two classes, got {logs.shape}."
            )
        if indices.shape != logs.shape[:1]:
            raise ValueError(
                f"Expected {logs.shape[0]} indices, one a row, got {indices.shape}."
            )
        is_integer = np.issubdtype(indices.dtype, np.integer)
        if not is_integer or ((indices < 0) | (indices > _LARGEST_INDEX)).any():
            raise ValueError("Expected indices to be integers in [0, 2^31).")
        if len(np.unique(indices)) != len(indices):
            raise ValueError("Expected distinct indices.")
        if np.isnan(logs).any():
            raise ValueError("Expected log probabilities without NaN.")
        sums = np.exp(logs.astype(np.float64)).sum(axis=1)
        worst = float(np.abs(sums - 1).max(initial=0.0))
        if not worst <= SIMPLEX_TOLERANCE:
            raise ValueError(
                f"Expected rows that sum to 1 within {SIMPLEX_TOLERANCE}, "
                f"the worst is off by {worst:.3g}."
            )
        object.__setattr__(self, "log_probabilities", read_only(logs, np.float32))
        object.__setattr__(self, "indices", read_only(indices, np.int32))

    def __len__(self) -> int:
        return int(self.log_probabilities.shape[0])

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return int(self.log_probabilities.shape[1])

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Probabilities, float32 [num_examples, num_classes], rows on the simplex."""
        return read_only(np.exp(self.log_probabilities), np.float32)
