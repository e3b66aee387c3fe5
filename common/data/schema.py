"""The public schema of a table: bounds, categories and classes, stated by a person.

Nothing is ever learnt from rows: scaling by the rows' own minimum, a vocabulary of what
occurs, or imputation by a mean would each tell of private examples.

::

    missing = "?"

    [label]
    column = "income"
    classes = ["<=50K", ">50K"]

    [columns]
    age = { kind = "numeric", low = 17, high = 90 }
    sex = { kind = "categorical", categories = ["Female", "Male"] }
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError
from pydantic import model_validator as validates

from common.config.problems import InconsistentError, in_plain_words, problem
from common.config.section import Section
from common.data.schema_columns import (
    CategoricalColumn,
    Column,
    LabelColumn,
    NumericColumn,
    Texts,
)
from common.errors import DataError

RANGES = ((0, 1), (-1, 1))


def _range(value: object) -> tuple[int, int]:
    for known in RANGES:
        if isinstance(value, list | tuple) and tuple(value) == known:
            return known
    raise ValueError("must be [0, 1] or [-1, 1]")


_KINDS: dict[object, type[Column]] = {
    "numeric": NumericColumn,
    "categorical": CategoricalColumn,
}


class Schema(Section):
    """A whole schema.

    Attributes:
        label: the column that is learnt.
        columns: the columns that a student sees, by name, in the order of the inputs.
        header: names of the columns of a file whose first line is data already.
        separator: between the fields of a line.
        missing: texts that stand for a missing value, beside an empty field.
        comment: lines that begin with it are left out.
        range: of the scaled numbers, [0, 1] or [-1, 1].
    """

    label: LabelColumn
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    header: Texts = ()
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    missing: Texts = ()
    comment: str = ""
    range: Annotated[tuple[int, int], BeforeValidator(_range)] = (0, 1)

    @validates(mode="after")
    def _is_consistent(self) -> Self:
        if self.label.column in self.columns:
            place = ("columns", self.label.column)
            raise InconsistentError(
                problem(place, {}, "must not be an input too, it is the label")
            )
        return self

    def is_missing(self, text: str) -> bool:
        """Returns whether a field's text stands for a missing value."""
        return not text or text in self.missing


def load_schema(path: Path) -> Schema:
    """Returns the schema in a TOML file.

    Raises:
        DataError: the file cannot be read, or with every problem found, one a line.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (RecursionError, ValueError) as error:
        fault = f"is not valid TOML: {' '.join(str(error).split())}"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    else:
        lines = _column_problems(values.get("columns"))
        if not lines:
            try:
                return Schema.model_validate(values)
            except ValidationError as error:
                lines = _told(error, "", Schema) + _told(error, "label", LabelColumn)
        raise DataError("\n".join(f"Schema {path}: {line}" for line in lines) + _END)
    raise DataError(f"Schema {path} {fault}.{_END}")


_END = " Nothing was run."


def _column_problems(columns: object) -> list[str]:
    """Returns what is wrong inside the columns, by their kinds."""
    lines: list[str] = []
    for name, values in columns.items() if isinstance(columns, dict) else ():
        place = ("columns", str(name))
        kind = values.get("kind") if isinstance(values, dict) else None
        model = _KINDS.get(kind if isinstance(kind, str) else None)
        if model is None:
            allowed = f"must be one of {', '.join(map(str, _KINDS))}"
            written = "" if kind is None else kind
            lines.append(problem((*place, "kind"), written, allowed))
            continue
        try:
            model.model_validate(values)
        except ValidationError as error:
            known = {"": _keys(model)}
            told = in_plain_words(error.errors(include_url=False), known)
            lines += [f"[{'.'.join(place)}] {line}" for line in told]
    return lines


def _told(error: ValidationError, section: str, model: type[Section]) -> list[str]:
    """Returns the problems of the top level, or of one section."""
    errors = [
        one
        for one in error.errors(include_url=False)
        if (one["loc"][:1] == ("label",)) == (section == "label")
    ]
    return in_plain_words(errors, {section: _keys(model)})


def _keys(model: type[Section]) -> tuple[str, ...]:
    return tuple(str(field.alias) for field in model.model_fields.values())
