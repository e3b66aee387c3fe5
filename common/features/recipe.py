"""Which public features, and how many of them: names and numbers, without torch."""

from __future__ import annotations

from dataclasses import dataclass

from common import checks

FEATURES = ("pixels", "scattering", "kmeans-patches", "standardised")
IMAGE_FEATURES = frozenset({"scattering", "kmeans-patches"})
TABLE_FEATURES = frozenset({"standardised"})
MOST_DIMENSIONS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecipe:
    """A feature map before it has seen a transfer set.

    Attributes:
        text: sets of features joined by ``+``.
        dimension: number of features kept, >= 1.
        exponent: a component of variance v is scaled by v^(-exponent/2), in [0, 1].

    Raises:
        ValueError: a value out of range, or features that do not go together.
    """

    text: str
    dimension: int
    exponent: float

    def __post_init__(self) -> None:
        parse_features(self.text)
        checks.in_range(1, MOST_DIMENSIONS, dimension=self.dimension)
        checks.in_range(0, 1, exponent=self.exponent)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the sets, in the order in which they stand side by side."""
        return parse_features(self.text)


def parse_features(text: str) -> tuple[str, ...]:
    """Returns the names in a text such as ``scattering+kmeans-patches``.

    Args:
        text: names of :data:`FEATURES` joined by ``+``.

    Raises:
        ValueError: an unknown name, one that stands twice, or a set for tables beside
            one for images.
    """
    names = tuple(name.strip() for name in text.split("+"))
    for name in names:
        if name not in FEATURES:
            raise ValueError(
                f"Expected features joined by +, each one of {', '.join(FEATURES)}; "
                f"got {name!r} in {text!r}."
            )
        if names.count(name) > 1:
            raise ValueError(f"Expected each set of features once, got {text!r}.")
    if TABLE_FEATURES.intersection(names) and len(names) > 1:
        raise ValueError(
            f"Expected standardised to stand alone, since it is for tables and the "
            f"others are for images; got {text!r}."
        )
    return names
