"""What a student is, as the header of its file says: enough to use it years later."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from common import checks

FORMAT = "fedstill-student-1"
MOST_NUMBERS = 2**31 - 1  # in an example; keeps products of a few within 64 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentDescription:
    """Architecture and preprocessing of a student.

    Attributes:
        architecture: a name of the zoo, ``head``, or ``module:factory`` for a model of
            the user's own.
        input_shape: shape of one example.
        num_classes: at least 2.
        white: whole numbers are divided by it before the student sees them: what the
            largest value of a pixel stood for in training. None where nothing is known.
        class_names: one for each class, in order; None where classes have numbers only.
        features: layout of a head's public features; JSON values only.

    Raises:
        ValueError: a value out of range.
    """

    architecture: str
    input_shape: tuple[int, ...]
    num_classes: int
    white: int | None = None
    class_names: tuple[str, ...] | None = None
    features: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        checks.non_empty(architecture=self.architecture)
        sizes = (*self.input_shape, self.num_classes)
        if not all(type(size) is int and size >= 1 for size in sizes):
            raise ValueError("Expected sizes that are whole numbers >= 1.")
        if not self.input_shape or math.prod(self.input_shape) > MOST_NUMBERS:
            raise ValueError(f"Expected 1 to {MOST_NUMBERS} numbers in an example.")
        checks.in_range(2, MOST_NUMBERS, num_classes=self.num_classes)
        if self.white is not None:
            checks.in_range(1, MOST_NUMBERS, white=self.white)
        names = self.class_names
        if names is not None and len(names) != self.num_classes:
            raise ValueError(f"Expected {self.num_classes} class names.")

    def to_metadata(self) -> dict[str, str]:
        """Returns the description as text by name; what is None is left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        texts = {
            name: json.dumps(value, sort_keys=True)
            for name, value in values.items()
            if value is not None
        }
        return {**texts, "architecture": self.architecture, "format": FORMAT}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> StudentDescription:
        """Returns the description in the metadata of a file.

        Raises:
            ValueError: something is missing, unknown, of another type or out of range.
        """
        values: dict[str, Any] = {
            name: json.loads(text)
            for name, text in metadata.items()
            if name not in ("architecture", "format")
        }
        unknown = values.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"Expected no {', '.join(sorted(unknown))}.")
        for name, kind in _KINDS.items():
            if name in values and type(values[name]) is not kind:
                raise ValueError(f"Expected {name} to be of {kind.__name__}.")
        names = values.get("class_names")
        if names is not None:
            if not all(isinstance(name, str) for name in names):
                raise ValueError("Expected class_names to be text.")
            values["class_names"] = tuple(names)
        try:
            return cls(
                architecture=metadata["architecture"],
                input_shape=tuple(values.pop("input_shape")),
                num_classes=values.pop("num_classes"),
                **values,
            )
        except KeyError as error:
            raise ValueError(f"Expected {error.args[0]}, which is missing.") from error


_KINDS = {
    "input_shape": list,
    "num_classes": int,
    "white": int,
    "class_names": list,
    "features": dict,
}
