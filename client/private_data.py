"""Private data: validated once, when the site starts, and read in one place.

A row that fails counts with zero gradient and is told to the owner only; nothing that
a request can see depends on it. Faults of the whole file stop the site instead.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import read_only
from common.errors import DataError

_MIN_AXES = 2
_ROWS_NAMED = 5  # of the faulty ones, to the owner


@dataclass(frozen=True, kw_only=True, eq=False)
class PrivateData:
    """Labelled examples of one site; printing it shows none of them.

    Attributes:
        inputs: float32 [num_examples, ...].
        labels: int64 [num_examples].
        num_classes: number of classes, from the owner's policy, never from labels.
        problems: what the owner should know about his rows; never sent.

    Raises:
        DataError: no examples, shapes that do not fit, labels that are no integers.
    """

    inputs: NDArray[np.float32] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    num_classes: int
    problems: tuple[str, ...] = field(init=False, repr=False)
    _usable: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inputs, labels = np.asarray(self.inputs), np.asarray(self.labels)
        _check_file(inputs, labels)
        finite = np.asarray(
            np.isfinite(inputs.reshape(len(inputs), -1)).all(axis=1), np.bool_
        )
        in_range = (labels >= 0) & (labels < self.num_classes)
        problems = _describe("an input that is not finite", ~finite)
        problems += _describe(
            f"a label outside [0, {self.num_classes - 1}]", finite & ~in_range
        )
        object.__setattr__(self, "inputs", read_only(inputs, np.float32))
        object.__setattr__(self, "labels", read_only(labels, np.int64))
        object.__setattr__(self, "_usable", read_only(finite & in_range, np.bool_))
        object.__setattr__(self, "problems", problems)

    def __len__(self) -> int:
        """Number of rows, faulty ones included; private."""
        return len(self.labels)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.inputs.shape[1:]

    def rows(
        self, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Returns inputs and labels of some rows: the only access to them.

        Args:
            indices: int64 [num_asked]. Rows that failed validation are left out: a
                gradient of zero adds nothing to a sum.

        Returns:
            float32 [num_usable, ...] and int64 [num_usable].
        """
        kept = indices[self._usable[indices]]
        return self.inputs[kept], self.labels[kept]

    def is_usable(self) -> NDArray[np.bool_]:
        """Returns which rows passed validation, [num_examples]; private."""
        return self._usable

    def fingerprint(self, key: bytes) -> str:
        """Returns a keyed hash of all rows, in hexadecimal: a tripwire for changes.

        Args:
            key: secret of the site; neither it nor the result is sent or logged.
        """
        mac = hmac.new(key, digestmod=hashlib.sha256)
        for array in (self.inputs, self.labels):
            mac.update(f"{array.dtype.str}|{array.shape}|".encode())
            mac.update(array.tobytes())
        return mac.hexdigest()


def _check_file(inputs: NDArray[Any], labels: NDArray[Any]) -> None:
    if inputs.ndim < _MIN_AXES or len(inputs) == 0:
        raise DataError(
            "Expected private inputs of shape [num_examples, ...] with at least one "
            f"example, got {inputs.shape}. The site does not start."
        )
    if labels.shape != inputs.shape[:1]:
        raise DataError(
            f"Expected one label for each of {len(inputs)} inputs, got labels of "
            f"shape {labels.shape}. The site does not start."
        )
    if not np.issubdtype(inputs.dtype, np.number):
        raise DataError(
            f"Expected numeric inputs, got {inputs.dtype}. The site does not start."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"Expected integer labels, got {labels.dtype}. The site does not start."
        )


def _describe(fault: str, is_faulty: NDArray[np.bool_]) -> tuple[str, ...]:
    """Returns one line for the owner, or none."""
    rows = np.flatnonzero(is_faulty)
    if len(rows) == 0:
        return ()
    named = ", ".join(str(row) for row in rows[:_ROWS_NAMED])
    more = ", ..." if len(rows) > _ROWS_NAMED else ""
    problem = (
        f"{len(rows)} rows have {fault} (rows {named}{more}). They count with zero "
        "gradient."
    )
    return (problem,)
