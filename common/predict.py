"""A student's predictions for a file of examples, and how they are written down."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from common.data.idx import IMAGE_AXES, WHITE, read_idx
from common.errors import DataError
from common.prediction import predict_logits
from common.soft_labels import log_softmax
from common.student_description import StudentDescription

KEY = "inputs"  # of the array that is meant where an .npz holds several
_NPY_MAGIC, _NPZ_MAGIC = b"\x93NUMPY", b"PK"
_IDX_MAGICS = (b"\x00\x00", b"\x1f\x8b")  # plain or gzip
_CONSEQUENCE = "Nothing was predicted."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What a student says about some examples.

    Attributes:
        probabilities: float64 [num_examples, num_classes], rows on the simplex, at
            temperature 1.
        class_names: one a class.
    """

    probabilities: NDArray[np.float64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.probabilities.shape[0])

    @property
    def classes(self) -> list[str]:
        """The name of each example's most probable class."""
        return [self.class_names[row] for row in self.probabilities.argmax(axis=1)]

    def to_csv(self, *, labels_only: bool = False) -> str:
        """Returns a header and a line an example: its class, and its probabilities.

        Args:
            labels_only: leaves the probabilities out.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = () if labels_only else self.class_names
        writer.writerow(["example", "class", *(f"p({name})" for name in names)])
        shown = self.probabilities[:, : len(names)]
        for example, (label, row) in enumerate(zip(self.classes, shown, strict=True)):
            writer.writerow([example, label, *(f"{value:.6g}" for value in row)])
        return text.getvalue()

    def to_records(self, *, labels_only: bool = False) -> list[dict[str, Any]]:
        """Returns the same as values that JSON knows, one an example.

        Args:
            labels_only: leaves the probabilities out.
        """
        return [
            {"example": example, "class": label}
            | ({} if labels_only else {"probabilities": row})
            for example, (label, row) in enumerate(
                zip(self.classes, self.probabilities.tolist(), strict=True)
            )
        ]


def read_examples(path: Path, description: StudentDescription) -> NDArray[np.float32]:
    """Returns the examples in a file as a student takes them.

    Args:
        path: ``.npy``; ``.npz`` with an array ``inputs``, or one array only; or an IDX
            file of images, plain or gzip. What it is shows in its first bytes.
        description: of the student: shape of an example, and what whole numbers are
            divided by. IDX images are bytes, so 255 is white where it says nothing.

    Returns:
        float32 [num_examples, *input_shape], finite.

    Raises:
        DataError: a file that cannot be read, or examples that do not fit the student.
    """
    array, is_idx = _read(path)
    white = description.white or (WHITE if is_idx else None)
    return _fitting(array, description, white=white, source=str(path))


def predict(
    student: nn.Module,
    inputs: NDArray[np.float32],
    *,
    class_names: tuple[str, ...] | None = None,
) -> Predictions:
    """Returns a student's predictions.

    Args:
        student: maps [batch, ...] to logits.
        inputs: float32 [num_examples, ...].
        class_names: one a class; None numbers them from 0.
    """
    logits = predict_logits(student, inputs)
    numbers = tuple(str(number) for number in range(logits.shape[1]))
    return Predictions(
        probabilities=np.exp(log_softmax(logits)), class_names=class_names or numbers
    )


def _read(path: Path) -> tuple[NDArray[Any], bool]:
    """Returns the array in a file, and whether the file is IDX."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_NPY_MAGIC))
        if start.startswith(_IDX_MAGICS):
            return read_idx(path, axes=IMAGE_AXES), True
        if start.startswith(_NPZ_MAGIC):
            return _only_array(path), False
        if start == _NPY_MAGIC:
            return np.load(path, allow_pickle=False), False
    except DataError:
        raise
    except OSError as error:
        fault = error.strerror or "it is damaged"
        raise _fault(path, f"cannot be read: {fault}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _fault(path, "is damaged, or holds objects instead of numbers") from error
    raise _fault(path, "must be an .npy, .npz or IDX file of examples")


def _only_array(path: Path) -> NDArray[Any]:
    with np.load(path, allow_pickle=False) as archive:
        names = archive.files
        name = KEY if KEY in names else names[0] if len(names) == 1 else None
        if name is None:
            raise _fault(
                path,
                f"holds the arrays {', '.join(names) or '(none)'}; one must be called "
                f"{KEY!r} where there is not exactly one",
            )
        return np.asarray(archive[name])


def _fitting(
    array: NDArray[Any],
    description: StudentDescription,
    *,
    white: int | None,
    source: str,
) -> NDArray[np.float32]:
    expected = description.input_shape
    if array.dtype.kind not in "biuf":
        raise _fault(source, f"holds {array.dtype}, must hold numbers")
    # Images of one channel are mostly kept without an axis for it.
    is_grey = array.ndim == IMAGE_AXES and (1, *array.shape[1:]) == expected
    if array.shape[1:] != expected and not is_grey:
        raise _fault(
            source,
            f"holds an array of shape {array.shape}, the student takes examples of "
            f"shape {expected}, so it must be (number of examples, "
            f"{', '.join(map(str, expected))})",
        )
    if not len(array):
        raise _fault(source, "holds no examples")
    if array.dtype == np.uint8 and white is None and len(expected) == IMAGE_AXES:
        raise _fault(
            source,
            "holds bytes, and the student's file does not say what white is; give "
            "float32 scaled as in training",
        )
    with np.errstate(over="ignore"):
        inputs = array.astype(np.float32).reshape(-1, *expected)
    if array.dtype.kind in "iu" and white is not None:
        inputs /= np.float32(white)
    odd = np.flatnonzero(~np.isfinite(inputs.reshape(len(inputs), -1)).all(axis=1))
    if len(odd):
        raise _fault(source, f"has a value that is NaN or infinite in example {odd[0]}")
    return inputs


def _fault(source: Path | str, fault: str) -> DataError:
    return DataError(f"{source} {fault}. {_CONSEQUENCE}")
