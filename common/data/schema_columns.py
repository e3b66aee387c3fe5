"""The columns of a public schema: what a cell may hold, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field
from pydantic import model_validator as validates

from common.config.problems import InconsistentError, problem
from common.config.section import Section
from common.data.cells import plain_text


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    if not all(type(item) in (str, int, float) for item in items):
        raise ValueError("must be a list of texts or numbers")
    texts = tuple(plain_text(item) for item in items)
    if len(set(texts)) != len(texts):
        raise ValueError("must not name one twice")
    return texts


def _some_texts(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    if not texts:
        raise ValueError("must not be empty")
    return texts


def _classes(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    if len(texts) < 2:  # noqa: PLR2004
        raise ValueError("must name at least two classes")
    return texts


def _mapping(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("must be a table of text = class")  # noqa: TRY004
    return {
        plain_text(key): plain_text(one) if type(one) in (str, int, float) else one
        for key, one in value.items()
    }


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class NumericColumn(Section):
    """A column of numbers, clipped to public bounds and scaled to the range.

    Attributes:
        kind: ``numeric``.
        low: public lower bound, in the column's own units.
        high: public upper bound.
        missing: whether a value may be missing; a second input then says where.
        missing_value: stands for a missing value; the middle where nothing is said.
    """

    kind: Literal["numeric"]
    low: float
    high: float
    missing: bool = False
    missing_value: float | None = None

    @validates(mode="after")
    def _has_a_width(self) -> Self:
        if self.low >= self.high:
            raise InconsistentError(
                problem(("high",), self.high, f"must be > {self.low:g} (low)")
            )
        filled = self.missing_value
        if filled is not None and not self.missing:
            raise InconsistentError(
                problem(("missing-value",), filled, "needs missing = true")
            )
        if filled is not None and not self.low <= filled <= self.high:
            raise InconsistentError(
                problem(("missing-value",), filled, "must be between low and high")
            )
        return self

    @property
    def filling(self) -> float:
        """What stands for a missing value, in the column's own units."""
        middle = (self.low + self.high) / 2
        return middle if self.missing_value is None else self.missing_value


class CategoricalColumn(Section):
    """A column of categories, an input each; 1 for the row's own, else 0.

    Attributes:
        kind: ``categorical``.
        categories: the public list.
        other: whether an input more stands for what the list does not name, missing
            values included; without it such a row has zeros only.
    """

    kind: Literal["categorical"]
    categories: Annotated[tuple[str, ...], BeforeValidator(_some_texts)]
    other: bool = False


class LabelColumn(Section):
    """``[label]``: the column that is learnt.

    Attributes:
        column: its name.
        classes: names of the classes, in the order of their numbers.
        values: further texts in the file, and the class that each stands for.
    """

    column: str
    classes: Annotated[tuple[str, ...], BeforeValidator(_classes)]
    values: Annotated[dict[str, str], BeforeValidator(_mapping)] = Field(
        default_factory=dict
    )

    @validates(mode="after")
    def _leads_to_classes(self) -> Self:
        for text, name in self.values.items():
            if name not in self.classes:
                allowed = f"must be one of {', '.join(self.classes)}"
                place = ("label", "values", text)
                raise InconsistentError(problem(place, name, allowed))
        return self

    @property
    def numbers(self) -> dict[str, int]:
        """The class number of every text that the column may hold."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        return numbers | {text: numbers[name] for text, name in self.values.items()}


Column = NumericColumn | CategoricalColumn
