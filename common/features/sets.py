"""All sets of public features by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from common.features.feature_set import FeatureSet, Shape
from common.features.patches import KMeansPatches
from common.features.pixels import Pixels
from common.features.scattering import Scattering
from common.features.standardised import Standardised

SETS: Mapping[str, type[FeatureSet]] = MappingProxyType(
    {kind.name: kind for kind in (Pixels, Scattering, KMeansPatches, Standardised)}
)


def new_set(name: str, input_shape: Shape) -> FeatureSet:
    """Returns a set with its default settings, not fitted yet.

    Args:
        name: a key of :data:`SETS`.
        input_shape: shape of one example.

    Raises:
        ValueError: an unknown name, or examples that the set is not for.
    """
    kind = _kind(name)
    return kind(input_shape, kind.default_settings(input_shape))


def set_from_layout(layout: Mapping[str, Any], input_shape: Shape) -> FeatureSet:
    """Returns a set as :meth:`FeatureSet.layout` describes it, not filled yet.

    Args:
        layout: name and settings; it may come from anybody.
        input_shape: shape of one example.

    Raises:
        ValueError: a layout that describes no set.
    """
    try:
        values = dict(layout)
        kind = _kind(values.pop("name", None))
        return kind(input_shape, kind.settings_from(values))
    except TypeError as error:  # unknown or missing names, text for numbers
        raise ValueError(f"Expected a set's name and settings: {error}.") from error


def _kind(name: object) -> type[FeatureSet]:
    if not isinstance(name, str) or name not in SETS:
        raise ValueError(f"Expected a set of features of {', '.join(SETS)}: {name!r}.")
    return SETS[name]
