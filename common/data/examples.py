"""Labelled examples, and the images that they are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import read_only
from common.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledExamples:
    """Inputs with class labels, checked and read-only.

    Attributes:
        inputs: float32 [num_examples, ...], finite.
        labels: int64 [num_examples], >= 0.

    Raises:
        DataError: no feature axis, other counts, a label that is no class number, or
            an input that is not finite; the message names the first bad row.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        inputs: NDArray[Any] = np.asarray(self.inputs)
        labels: NDArray[Any] = np.asarray(self.labels)
        if inputs.ndim < 2:  # noqa: PLR2004 - examples and at least one feature axis
            raise DataError(
                f"Expected inputs of shape [num_examples, ...], got {inputs.shape}. "
                "Nothing was run."
            )
        if labels.shape != inputs.shape[:1]:
            raise DataError(
                f"Expected one label for each of {len(inputs)} examples, got labels of "
                f"shape {labels.shape}. Nothing was run."
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise DataError(
                f"Expected labels to be whole numbers, got {labels.dtype}. "
                "Nothing was run."
            )
        _refuse(labels < 0, "has a negative label", "labels count from 0")
        with np.errstate(over="ignore"):
            inputs = read_only(inputs, np.float32)
        axes = tuple(range(1, inputs.ndim))
        odd = ~np.isfinite(inputs).all(axis=axes)
        _refuse(odd, "has a value that is NaN or infinite", "inputs must be finite")
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "labels", read_only(labels, np.int64))

    def __len__(self) -> int:
        return int(self.inputs.shape[0])

    def select(self, rows: NDArray[np.int64]) -> LabelledExamples:
        """Returns the examples at ``rows``, in that order."""
        return LabelledExamples(inputs=self.inputs[rows], labels=self.labels[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Grey images as files hold them: a byte a pixel.

    They stay bytes until a part of them is selected: as float32, 60,000 images of
    28 x 28 would take 188 MB for every copy.

    Attributes:
        pixels: uint8 [num_images, height, width].
        labels: uint8 [num_images].
        white: the largest value of a pixel; inputs are pixels / white.
        num_classes: labels are below this public constant.
        source: where they come from, for messages.

    Raises:
        DataError: no images, other counts, or a label that is no class number.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    white: int
    num_classes: int
    source: str

    def __post_init__(self) -> None:
        if self.pixels.shape[:1] != self.labels.shape:
            raise DataError(
                f"{self.source}: {len(self.pixels)} images and {len(self.labels)} "
                "labels, the counts must be equal. Nothing was run."
            )
        if self.pixels.size == 0:
            raise DataError(
                f"{self.source}: images of shape {self.pixels.shape}, there must be at "
                "least one pixel. Nothing was run."
            )
        _refuse(
            self.labels >= self.num_classes,
            "has a label out of range",
            f"labels must be in [0, {self.num_classes})",
            source=self.source,
        )

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one example."""
        return (1, int(self.pixels.shape[1]), int(self.pixels.shape[2]))

    def select(self, rows: NDArray[np.int64]) -> LabelledExamples:
        """Returns the images at ``rows`` as inputs [num_rows, 1, height, width]."""
        return LabelledExamples(
            inputs=self.inputs(rows), labels=self.labels[rows].astype(np.int64)
        )

    def inputs(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns pixels in [0, 1] without labels, [num_rows, 1, height, width]."""
        scaled = self.pixels[rows].astype(np.float32) / np.float32(self.white)
        return scaled.reshape(-1, *self.input_shape)


def _refuse(
    is_bad: NDArray[np.bool_], fault: str, allowed: str, *, source: str = "Data"
) -> None:
    bad = np.flatnonzero(is_bad)
    if len(bad):
        others = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
        raise DataError(
            f"{source}: row {bad[0]} {fault}{others}, {allowed}. Nothing was run."
        )
