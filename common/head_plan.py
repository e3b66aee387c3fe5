"""From a config to a run's additive heads: the rule, and what a user overrides."""

from __future__ import annotations

import math
from dataclasses import replace

from common.config import Config
from common.head_recipe import HeadRecipe
from common.head_rule import HeadChoice, choose_head, choose_rounds
from common.privacy.accountant import gaussian_mu_at

MODEL_ROUNDS = 10
IMAGE_AXES = 3


def planned_rounds(config: Config) -> int:
    """Returns the rounds of a run: the config's, or what the rule finds."""
    if config.rounds > 0:
        return config.rounds
    if not config.has_heads:
        return MODEL_ROUNDS
    return choose_rounds(
        sites=config.sites,
        nominal_examples=config.mean_nominal_examples,
        mu=planned_mu(config),
    )


def planned_mu(config: Config) -> float:
    """Returns the mu of Gaussian differential privacy that a run may spend a site.

    Infinite without privacy.
    """
    if config.privacy.mechanism == "none":
        return math.inf
    return gaussian_mu_at(epsilon=config.privacy.epsilon, delta=config.privacy.delta)


def plan_head(
    config: Config, *, num_classes: int, transfer_size: int, most_dimensions: int
) -> HeadChoice:
    """Returns rounds, dimension, ridge, exponent and clipping norms of a run's heads.

    Args:
        config: with additive heads; keys that are not 0 override the rule.
        num_classes: number of classes.
        transfer_size: examples in the transfer set.
        most_dimensions: that the features of the transfer set span; bounds the rule,
            not the user, who is told when the features are made.
    """
    chosen = choose_head(
        sites=config.sites,
        nominal_examples=config.mean_nominal_examples,
        mu=planned_mu(config),
        num_classes=num_classes,
        transfer_size=transfer_size,
    )
    asked = config.head
    first, *later = chosen.clipping_norms
    if asked.clipping_norm > 0:
        later = [asked.clipping_norm]
    rounds = planned_rounds(config)
    return replace(
        chosen,
        rounds=rounds,
        dimension=asked.dimension or min(chosen.dimension, most_dimensions),
        ridge=asked.ridge or chosen.ridge,
        exponent=asked.exponent or chosen.exponent,
        clipping_norms=(first, *later)[:rounds],
    )


def head_features(config: Config, *, input_shape: tuple[int, ...]) -> str:
    """Returns the features of a run's heads; ``auto`` looks at the shape of inputs.

    Args:
        config: with additive heads.
        input_shape: shape of one example.
    """
    if config.head.features != "auto":
        return config.head.features
    is_image = len(input_shape) == IMAGE_AXES
    return "scattering+kmeans-patches" if is_image else "standardised"


def head_recipe(
    config: Config, choice: HeadChoice, *, input_shape: tuple[int, ...]
) -> HeadRecipe:
    """Returns the part of a choice that every site needs to know.

    Args:
        config: with additive heads.
        choice: from :func:`plan_head`.
        input_shape: shape of one example.
    """
    return HeadRecipe(
        features=head_features(config, input_shape=input_shape),
        dimension=choice.dimension,
        exponent=choice.exponent,
        ridge=choice.ridge,
        sites=config.sites,
    )
