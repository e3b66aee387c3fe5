"""Examples in NumPy arrays, and the files that hold such: .npz and .npy."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.config.data_sections import Data
from common.data.data_set import DataSet
from common.data.examples import LabelledExamples
from common.data.files import file_fault
from common.errors import DataError

INPUTS, LABELS = "inputs", "labels"
TEST_INPUTS, TEST_LABELS = "test_inputs", "test_labels"
WHITE = 255
IMAGE_AXES = 3  # [num_examples, height, width]


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayExamples:
    """Labelled examples in two arrays.

    Bytes stay bytes until a part of them is selected, and are scaled to [0, 1] then.

    Attributes:
        array: numbers [num_examples, ...]; uint8 are pixels, others stay as they are.
        labels: whole numbers [num_examples].
        num_classes: labels are below this public constant.
        source: where they come from, for messages.

    Raises:
        DataError: no examples, other counts, a number that is not finite, or a label
            that is no class number.
    """

    array: NDArray[Any]
    labels: NDArray[Any]
    num_classes: int
    source: str

    def __post_init__(self) -> None:
        check_numbers(self.array, source=self.source)
        labels = self.labels
        if labels.shape != self.array.shape[:1]:
            raise DataError(
                f"{self.source}: labels of shape {labels.shape}, must be one for each "
                f"of {len(self.array)} inputs. Nothing was run."
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise DataError(
                f"{self.source}: labels of type {labels.dtype}, must be whole numbers. "
                "Nothing was run."
            )
        odd = np.flatnonzero((labels < 0) | (labels >= self.num_classes))
        if len(odd):
            raise DataError(
                f"{self.source}: row {odd[0]} has label {labels[odd[0]]}, must be in "
                f"[0, {self.num_classes}). Nothing was run."
            )

    def __len__(self) -> int:
        return int(self.array.shape[0])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(map(int, with_channel(self.array[:1]).shape[1:]))

    def select(self, rows: NDArray[np.int64]) -> LabelledExamples:
        """Returns the examples at ``rows``, in that order."""
        labels = self.labels[rows].astype(np.int64)
        return LabelledExamples(inputs=self.inputs(rows), labels=labels)

    def inputs(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the inputs at ``rows`` without labels."""
        return as_inputs(self.array[rows])


def load_npz(data: Data) -> DataSet:
    """Returns the data set in an .npz file.

    It holds ``inputs`` and ``labels``, and may hold ``test_inputs`` and
    ``test_labels``.

    Raises:
        DataError: the file cannot be read, or its arrays do not fit.
    """
    path = Path(data.path)
    arrays = read_arrays(path)
    has_test = TEST_INPUTS in arrays or TEST_LABELS in arrays
    needed = (INPUTS, LABELS, *((TEST_INPUTS, TEST_LABELS) if has_test else ()))
    missing = [name for name in needed if name not in arrays]
    if missing:
        held = ", ".join(arrays) or "nothing"
        raise file_fault(path, f"must hold {' and '.join(missing)}, it holds {held}")

    def examples(inputs: str, labels: str) -> ArrayExamples:
        return ArrayExamples(
            array=arrays[inputs],
            labels=arrays[labels],
            num_classes=data.classes,
            source=f"{path}, {inputs}",
        )

    return DataSet(
        examples=examples(INPUTS, LABELS),
        test=examples(TEST_INPUTS, TEST_LABELS) if has_test else None,
    )


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Returns the arrays in an .npz file by name; that of an .npy file is ``inputs``.

    Raises:
        DataError: the file cannot be read, or holds Python objects.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {INPUTS: content}
        with content:
            return {name: content[name] for name in content.files}
    except OSError as error:
        fault = f"cannot be read: {error.strerror or 'it is damaged'}"
    except (EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        fault = "is not an .npz file of plain numbers, or is damaged"
    raise file_fault(path, fault)


def check_numbers(array: NDArray[Any], *, source: str) -> None:
    """Raises DataError unless ``array`` is finite numbers [num_examples, ...]."""
    is_number = np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_
    if not is_number or np.issubdtype(array.dtype, np.complexfloating):
        raise DataError(
            f"{source}: values of type {array.dtype}, must be numbers. Nothing was run."
        )
    if array.ndim < 2 or array.size == 0:  # noqa: PLR2004
        raise DataError(
            f"{source}: shape {array.shape}, must be [num_examples, ...] with at least "
            "one example and one input. Nothing was run."
        )
    if np.issubdtype(array.dtype, np.inexact):
        largest = np.finfo(np.float32).max
        is_fine = np.abs(array.reshape(len(array), -1)) <= largest
        odd = np.flatnonzero(~is_fine.all(axis=1))
        if len(odd):
            raise DataError(
                f"{source}: row {odd[0]} has a value that is NaN, infinite or too "
                "large, inputs must be finite. Nothing was run."
            )


def as_inputs(array: NDArray[Any]) -> NDArray[np.float32]:
    """Returns numbers as inputs: bytes / 255, grey images with a channel axis."""
    inputs = with_channel(array).astype(np.float32)
    return inputs / np.float32(WHITE) if array.dtype == np.uint8 else inputs


def with_channel(array: NDArray[Any]) -> NDArray[Any]:
    """Returns grey images [num, height, width] as [num, 1, height, width]."""
    return array[:, np.newaxis] if array.ndim == IMAGE_AXES else array
