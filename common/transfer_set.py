"""The transfer set: public, unlabelled examples on which knowledge is exchanged.

Hinton, Vinyals & Dean (2015), "Distilling the Knowledge in a Neural Network",
https://arxiv.org/abs/1503.02531, section 2: "the transfer set".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import read_only

SCHEMA = "fedstill-transfer-set-1"


@dataclass(frozen=True, kw_only=True, eq=False)
class TransferSet:
    """Public inputs without labels, known by their content.

    Attributes:
        inputs: float32 [num_examples, ...], finite, read-only.

    Raises:
        ValueError: no examples, no feature axis, or a value that is not finite.
    """

    inputs: NDArray[np.float32]

    def __post_init__(self) -> None:
        inputs: NDArray[Any] = np.asarray(self.inputs)
        if inputs.ndim < 2 or inputs.shape[0] == 0:  # noqa: PLR2004
            raise ValueError(
                f"Expected transfer inputs of shape [num_examples, ...] with at least "
                f"one example, got {inputs.shape}."
            )
        with np.errstate(over="ignore"):
            inputs = read_only(inputs, np.float32)
        if not np.isfinite(inputs).all():
            raise ValueError("Expected finite transfer inputs.")
        object.__setattr__(self, "inputs", inputs)

    def __len__(self) -> int:
        return int(self.inputs.shape[0])

    @cached_property
    def content_id(self) -> str:
        """SHA-256 over schema, dtype, shape and C-order bytes, in hexadecimal."""
        header = f"{SCHEMA}|{self.inputs.dtype.str}|{self.inputs.shape}|"
        return hashlib.sha256(header.encode() + self.inputs.tobytes()).hexdigest()
