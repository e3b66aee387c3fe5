"""Which public features there are, and how many at most; without torch."""

from __future__ import annotations

FEATURES = ("pixels", "scattering", "kmeans-patches", "standardised")
IMAGE_FEATURES = frozenset({"scattering", "kmeans-patches"})
TABLE_FEATURES = frozenset({"standardised"})
MOST_DIMENSIONS = 512


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
