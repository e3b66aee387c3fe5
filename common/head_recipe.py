"""The recipe of a run's additive heads; public numbers without torch."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from common import checks
from common.features.recipe import MOST_DIMENSIONS, parse_features


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRecipe:
    """Features, size and damping of the additive heads of a run.

    Attributes:
        features: sets of public features joined by ``+``.
        dimension: number of features kept, 1 to 512.
        exponent: a component of variance v is scaled by v^(-exponent/2), in [0, 1].
        ridge: damping of a step, shared by the sites, in examples, > 0.
        sites: planned sites, >= 1; a constant of the run however many answer.
    """

    features: str
    dimension: int
    exponent: float
    ridge: float
    sites: int

    FIELD_TYPES: ClassVar[MappingProxyType[str, type]] = MappingProxyType(
        {
            "head_features": str,
            "head_dimension": int,
            "head_exponent": float,
            "head_ridge": float,
            "head_sites": int,
        }
    )

    def __post_init__(self) -> None:
        parse_features(self.features)
        checks.in_range(1, MOST_DIMENSIONS, dimension=self.dimension)
        checks.positive(ridge=self.ridge, sites=self.sites)
        checks.in_range(0, 1, exponent=self.exponent)

    @classmethod
    def to_fields(cls, recipe: HeadRecipe | None) -> dict[str, Any]:
        """Returns a recipe as flat scalars, empty ones where there is none."""
        if recipe is None:
            return {name: kind() for name, kind in cls.FIELD_TYPES.items()}
        return {
            name: getattr(recipe, name.removeprefix("head_"))
            for name in cls.FIELD_TYPES
        }

    @classmethod
    def pop_fields(cls, values: dict[str, Any]) -> HeadRecipe | None:
        """Takes the fields of :meth:`to_fields` out of ``values``.

        Raises:
            ValueError: a value out of range.
        """
        fields = {name: values.pop(name) for name in cls.FIELD_TYPES}
        if not fields["head_features"]:
            return None
        return cls(
            **{name.removeprefix("head_"): value for name, value in fields.items()}
        )
