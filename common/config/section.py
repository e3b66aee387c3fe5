"""What the sections of a config share: strict, frozen, kebab-case keys, and types.

A key that no section knows is an error. Types are strict: a number is never read from
a string, nor a whole number from a fraction; ``1`` is fine where ``1.0`` is meant.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from common.config.lists import parse_sizes


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _size_text(value: object) -> object:
    """Reads ``per-site = 100`` like ``per-site = "100"``."""
    return str(value) if type(value) is int else value


def _sizes(text: str) -> str:
    parse_sizes(text)
    return text


Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
CountOrZero = Annotated[int, Field(ge=0, lt=2**31)]
SiteSizes = Annotated[str, BeforeValidator(_size_text), AfterValidator(_sizes)]


class Section(BaseModel):
    """What all sections share; never used itself."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=_kebab,
        allow_inf_nan=False,
    )
