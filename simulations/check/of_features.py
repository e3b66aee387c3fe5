"""Whether the transfer set gives the features that additive heads ask for."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial

import torch

from common.data.parts import Parts, PublicParts
from common.errors import DataError
from common.features.feature_set import FeatureSet
from common.features.recipe import MOST_DIMENSIONS, parse_features
from common.features.sets import new_set
from common.findings import Level
from common.head_recipe import HeadRecipe
from common.head_spaces import head_space
from simulations.check.finding import Finding, Group
from simulations.wording import seconds_text

# Features of 9,000 images of 28 x 28 take minutes to learn, of this many numbers about
# five seconds; a check that takes longer is not asked for.
MOST_VALUES_LEARNT = 250_000
_CONSEQUENCE = " Nothing was run."
_REPEATS = 3
_ROWS = 32
_Line = partial(Finding, group=Group.HEAD)


def feature_findings(recipe: HeadRecipe, parts: PublicParts) -> Iterator[Finding]:
    """Yields whether features fit the examples, and enough of them can be had.

    From a small transfer set they are learnt, and kept in the cache for the run; of a
    large one only their largest possible number is told.
    """
    try:
        sets = _sets(recipe, parts)
    except ValueError as error:
        text = f"head.features = {recipe.features}: {str(error).removesuffix('.')}."
        yield _Line(level=Level.ERROR, text=text)
        return
    if math.prod(parts.transfer.inputs.shape) <= MOST_VALUES_LEARNT:
        yield _learnt(recipe, parts)
        return
    most = min(
        sum(one.num_features for one in sets), MOST_DIMENSIONS, len(parts.transfer) - 1
    )
    if recipe.dimension > most:
        yield _Line(
            level=Level.ERROR,
            text=f"head.dimension = {recipe.dimension}: must be <= {most}, the "
            f"transfer set gives no more features by {recipe.features}.",
            figures={"most": most},
        )


def seconds_of_features(recipe: HeadRecipe, parts: Parts) -> float:
    """Returns how long the features of all examples take, made once.

    By a timed batch of zeros; learning them, once a transfer set, comes on top.

    Args:
        recipe: of the run's heads.
        parts: for the number of examples and their shape.

    Returns:
        Seconds; 0 for features that do not fit the examples.
    """
    try:
        sets = _sets(recipe, parts)
    except ValueError:
        return 0.0
    inputs = torch.zeros(_ROWS, *parts.input_shape)
    taken = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        with torch.inference_mode():
            for one in sets:
                one(inputs)
        taken.append(time.perf_counter() - begin)
    return min(taken) / _ROWS * number_of_examples(parts)


def number_of_examples(parts: Parts) -> int:
    """Returns how many examples a run sees the features of."""
    labelled = (parts.validation, parts.test, parts.private_pool)
    return len(parts.transfer) + sum(len(one) for one in labelled)


def _sets(recipe: HeadRecipe, parts: PublicParts) -> list[FeatureSet]:
    names = parse_features(recipe.features)
    return [new_set(name, parts.input_shape) for name in names]


def _learnt(recipe: HeadRecipe, parts: PublicParts) -> Finding:
    begin = time.perf_counter()
    try:
        head_space(recipe, parts.transfer)
    except DataError as error:
        return _Line(level=Level.ERROR, text=str(error).removesuffix(_CONSEQUENCE))
    taken = seconds_text(time.perf_counter() - begin)
    return _Line(
        level=Level.OK,
        text=f"Features were learnt from the transfer set's inputs in {taken}, and are "
        "kept for the run.",
    )
