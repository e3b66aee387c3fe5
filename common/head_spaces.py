"""The feature spaces of the runs at hand: learnt once, then remembered."""

from __future__ import annotations

from functools import lru_cache

import torch

from common.features.cache import public_basis
from common.features.map import FeatureMap, most_dimensions
from common.features.recipe import (
    IMAGE_FEATURES,
    MOST_DIMENSIONS,
    parse_features,
)
from common.features.table import CoordinateTable
from common.head_recipe import HeadRecipe
from common.head_space import HeadSpace
from common.transfer_set import TransferSet

MOST_SPACES_HELD = 4
MOST_TABLES_HELD = 2
_PLENTY = 4  # times as many examples as dimensions


def head_space(recipe: HeadRecipe, transfer_set: TransferSet) -> HeadSpace:
    """Returns the feature space of a recipe on a transfer set; remembered.

    Args:
        recipe: which features, and how many.
        transfer_set: whose inputs the features are learnt from.

    Raises:
        DataError: features that do not fit the examples, or more than they span.
    """
    return _head_space(recipe, _Identified(transfer_set))


def spanned_dimensions(features: str, transfer_set: TransferSet) -> int:
    """Returns how many features there can be: components that the examples span.

    Args:
        features: sets of public features joined by ``+``.
        transfer_set: whose inputs the features are learnt from.

    Raises:
        DataError: features that do not fit the examples.
    """
    names = parse_features(features)
    is_rich = set(names) <= IMAGE_FEATURES
    if is_rich and len(transfer_set) > _PLENTY * MOST_DIMENSIONS:
        return MOST_DIMENSIONS  # thousands of features: no need to learn them first
    table = _coordinates(features, _Identified(transfer_set))
    return most_dimensions(table.basis)


class _Identified:
    """A transfer set that is equal to another of the same content."""

    def __init__(self, transfer_set: TransferSet) -> None:
        self.transfer_set = transfer_set

    def __hash__(self) -> int:
        return hash(self.transfer_set.content_id)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Identified)
            and other.transfer_set.content_id == self.transfer_set.content_id
        )


@lru_cache(maxsize=MOST_SPACES_HELD)
def _head_space(recipe: HeadRecipe, identified: _Identified) -> HeadSpace:
    transfer_set = identified.transfer_set
    table = _coordinates(recipe.features, identified)
    feature_map = FeatureMap(
        table.basis, dimension=recipe.dimension, exponent=recipe.exponent
    )
    features = feature_map.from_coordinates(table(transfer_set.inputs))
    transfer_features = torch.from_numpy(features)
    wide = transfer_features.double()
    return HeadSpace(
        feature_map=feature_map,
        coordinates=table,
        transfer_features=transfer_features,
        second_moment=wide.T @ wide / len(wide),
    )


@lru_cache(maxsize=MOST_TABLES_HELD)
def _coordinates(features: str, identified: _Identified) -> CoordinateTable:
    return CoordinateTable(
        public_basis(parse_features(features), identified.transfer_set)
    )
