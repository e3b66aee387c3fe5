"""Reads the private examples that a policy names, as leniently as rows deserve.

A row that fails, with a number that is none or a label that is no class, is kept: it
counts with zero gradient and is told to the owner (:mod:`client.private_data`). A fault
of a whole file stops the site. Nothing is learnt from rows: scaling, categories and the
number of classes come from policy, schema or format.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.owner.lenient_table import read_leniently
from client.owner.own_code import call_loader
from client.owner.policy_file import PolicyFile
from client.owner.policy_reading import CONSEQUENCE
from client.owner.policy_sections import TABLES
from client.private_data import PrivateData
from common.config.problems import problem, shown
from common.data import digits, idx
from common.data.files import file_fault, is_folder
from common.data.npz import INPUTS, LABELS, WHITE, as_inputs, read_arrays
from common.data.schema import load_schema
from common.errors import ConfigError, DataError

_OTHERS_CONSEQUENCE = "Nothing was run."  # of the readers that all commands share
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrivateFile:
    """The private data, and what a student's file should say about its inputs.

    Attributes:
        data: validated row by row.
        white: what whole numbers were divided by; None where inputs came as they are.
        class_names: from the schema; None where classes have numbers only.
    """

    data: PrivateData
    white: int | None = None
    class_names: tuple[str, ...] | None = None


def load_private_file(policy: PolicyFile) -> PrivateFile:
    """Returns the private examples that a policy names.

    Raises:
        ConfigError: code of the owner's own that cannot be imported, or ``classes``
            that contradict the schema or the format.
        DataError: a fault of a whole file.
    """
    classes = num_classes(policy)
    try:
        arrays = _read(policy)
        data = PrivateData(
            inputs=arrays.inputs, labels=arrays.labels, num_classes=classes
        )
    except DataError as error:
        text = str(error).replace(_OTHERS_CONSEQUENCE, CONSEQUENCE)
        raise DataError(text) from error
    return PrivateFile(data=data, white=arrays.white, class_names=class_names(policy))


def num_classes(policy: PolicyFile) -> int:
    """Returns the number of classes: of the schema, the policy, or the format.

    Raises:
        ConfigError: ``classes`` contradict the schema or the format.
        DataError: a schema that cannot be read.
    """
    names = class_names(policy)
    stated = {"digits": digits.NUM_CLASSES}.get(policy.data.loader)
    stated = stated if names is None else len(names)
    if stated is not None and policy.classes not in (0, stated):
        source = policy.data.loader if names is None else "the schema"
        line = problem(("classes",), policy.classes, f"must be {stated} like {source}")
        raise ConfigError(f"{line} {CONSEQUENCE}")
    # IDX is the format of MNIST; a set with other classes says so.
    return stated or policy.classes or idx.NUM_CLASSES


def class_names(policy: PolicyFile) -> tuple[str, ...] | None:
    """Returns the names of the classes in the policy's schema, if it has one.

    Raises:
        DataError: a schema that cannot be read.
    """
    if policy.data.loader not in TABLES:
        return None
    try:
        return load_schema(Path(policy.data.schema_path)).label.classes
    except DataError as error:
        text = str(error).replace(_OTHERS_CONSEQUENCE, CONSEQUENCE)
        raise DataError(text) from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Arrays:
    inputs: NDArray[np.float32]
    labels: NDArray[Any]
    white: int | None = None


def _read(policy: PolicyFile) -> _Arrays:
    data = policy.data
    if data.loader == "npz":
        return _from_npz(Path(data.path))
    if data.loader == "idx":
        return _from_idx(Path(data.path))
    if data.loader in TABLES:
        inputs, labels = read_leniently(
            data.path, load_schema(Path(data.schema_path)), kind=data.loader
        )
        return _Arrays(inputs=inputs, labels=labels)
    if data.loader == "digits":
        images = digits.load_digits()
        return _Arrays(
            inputs=images.inputs(np.arange(len(images))),
            labels=images.labels.astype(np.int64),
            white=digits.WHITE,
        )
    return _from_code(data.loader, folder=policy.path.parent)


def _from_npz(path: Path) -> _Arrays:
    arrays = read_arrays(path)
    if INPUTS not in arrays or LABELS not in arrays:
        held = ", ".join(arrays) or "nothing"
        raise file_fault(path, f"must hold {INPUTS} and {LABELS}, it holds {held}")
    return _scaled(arrays[INPUTS], arrays[LABELS], source=f"Data file {path}")


def _from_idx(folder: Path) -> _Arrays:
    """The training part alone: a site has no use for test labels."""
    names = (idx.image_file("train"), idx.label_file("train"))
    files = [_find(folder, name) for name in names]
    if not is_folder(folder) or None in files:
        raise DataError(
            f"[data] path = {shown(str(folder))}: must be a folder with "
            f"{names[0]}[.gz] and {names[1]}[.gz]. {CONSEQUENCE}"
        )
    images, labels = (
        idx.read_idx(file, axes=axes)
        for file, axes in zip(files, (idx.IMAGE_AXES, idx.LABEL_AXES), strict=True)
        if file is not None
    )
    return _scaled(images, labels.astype(np.int64), source=str(folder))


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _from_code(name: str, *, folder: Path) -> _Arrays:
    result = call_loader(name, folder=folder)
    key = f"[data] loader = {shown(name)}"
    if not isinstance(result, tuple | list) or len(result) != _PAIR:
        kind = type(result).__name__
        raise DataError(f"{key}: it gave a {kind}, must give (inputs, labels).{_END}")
    try:
        inputs, labels = (np.asarray(one) for one in result)
    except ValueError as error:  # rows of different lengths
        raise DataError(
            f"{key}: inputs and labels must be arrays, rows of one shape.{_END}"
        ) from error
    return _scaled(inputs, labels, source=key)


_END = f" {CONSEQUENCE}"


def _scaled(inputs: NDArray[Any], labels: NDArray[Any], *, source: str) -> _Arrays:
    """Returns numbers as inputs: bytes / 255, grey images with a channel axis."""
    is_number = np.issubdtype(inputs.dtype, np.number) or inputs.dtype == np.bool_
    if not is_number or np.issubdtype(inputs.dtype, np.complexfloating):
        raise DataError(
            f"{source}: inputs of type {inputs.dtype}, must be numbers.{_END}"
        )
    with np.errstate(over="ignore"):  # infinite as float32: the row fails
        scaled = as_inputs(inputs)
    white = WHITE if inputs.dtype == np.uint8 else None
    return _Arrays(inputs=scaled, labels=labels, white=white)
