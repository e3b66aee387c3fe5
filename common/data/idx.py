"""IDX files, the format of MNIST and Fashion-MNIST, plain or gzip.

LeCun, Cortes & Burges, "The MNIST database", http://yann.lecun.com/exdb/mnist/: two
zero bytes, a type byte, the number of axes, each axis as a big-endian uint32, then the
entries in C order. We read unsigned bytes only, which is what both data sets hold.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.data.examples import Images
from common.data.files import file_fault, is_folder, read_content
from common.errors import DataError

NUM_CLASSES = 10  # of MNIST and Fashion-MNIST: public, never counted from labels
WHITE = 255
IMAGE_AXES = 3
LABEL_AXES = 1
MOST_FILES_REMEMBERED = 4
PARTS = ("train", "t10k")
_UNSIGNED_BYTE = 0x08


def image_file(part: str) -> str:
    """Returns the name of a part's image file, without ``.gz``."""
    return f"{part}-images-idx3-ubyte"


def label_file(part: str) -> str:
    """Returns the name of a part's label file, without ``.gz``."""
    return f"{part}-labels-idx1-ubyte"


def load_idx(folder: Path) -> tuple[Images, Images]:
    """Returns the training and the test images in a folder.

    Args:
        folder: holds the four files of MNIST or Fashion-MNIST, each plain or ``.gz``.

    Raises:
        DataError: a file is missing, damaged, or does not fit the others.
    """
    _require_files(folder)
    train, test = (_load_part(folder, part) for part in PARTS)
    if train.input_shape != test.input_shape:
        raise DataError(
            f"{folder}: training images have shape {train.input_shape}, test images "
            f"{test.input_shape}, they must be equal. Nothing was run."
        )
    return train, test


def read_idx(path: Path, *, axes: int) -> NDArray[np.uint8]:
    """Returns the array in an IDX file.

    Args:
        path: plain or gzip; what it is shows in its first bytes, not in its name.
        axes: expected number of axes.

    Raises:
        DataError: the file cannot be read, is not IDX of unsigned bytes with that many
            axes, or is shorter or longer than its header says.
    """
    content = read_content(path)
    header = 4 + 4 * axes
    if len(content) < header:
        raise file_fault(path, f"is truncated: {len(content)} bytes, not even a header")
    if content[:2] != b"\x00\x00":
        raise file_fault(path, "is not an IDX file: it must begin with two zero bytes")
    if content[2] != _UNSIGNED_BYTE:
        raise file_fault(path, f"holds type 0x{content[2]:02x}, must be 0x08 (bytes)")
    if content[3] != axes:
        raise file_fault(path, f"has {content[3]} axes, must have {axes}")
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], ">u4"))
    size, found = math.prod(shape), len(content) - header
    if found != size:
        fault = "is truncated" if found < size else "is too long"
        wanted = " x ".join(map(str, shape))
        raise file_fault(path, f"{fault}: {found} entries, its header says {wanted}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _require_files(folder: Path) -> None:
    if not is_folder(folder):
        raise DataError(
            f'[data] path = "{folder}": there is no such folder, it must hold '
            f"{image_file('train')}[.gz] and the like. Nothing was run."
        )
    names = [name(part) for part in PARTS for name in (image_file, label_file)]
    missing = [f"{name}[.gz]" for name in names if _find(folder, name) is None]
    if missing:
        raise DataError(
            f'[data] path = "{folder}": the folder must hold {", ".join(missing)}. '
            "Nothing was run."
        )


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.exists()), None)


def _load_part(folder: Path, part: str) -> Images:
    images, labels = _find(folder, image_file(part)), _find(folder, label_file(part))
    assert images is not None
    assert labels is not None
    return Images(
        pixels=_remembered(images, _state(images), axes=IMAGE_AXES),
        labels=_remembered(labels, _state(labels), axes=LABEL_AXES),
        white=WHITE,
        num_classes=NUM_CLASSES,
        source=f"{images} and {labels.name}",
    )


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=MOST_FILES_REMEMBERED)
def _remembered(path: Path, state: tuple[int, int], *, axes: int) -> NDArray[np.uint8]:
    """Reads a file once a process while it stays as it is; a sweep reads it often."""
    del state
    content = read_idx(path, axes=axes)
    content.flags.writeable = False
    return content
