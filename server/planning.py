"""From a config to the run plan that sites are asked to agree to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.config import Config
from common.head_plan import head_features, head_recipe, plan_head, planned_rounds
from common.head_recipe import HeadRecipe
from common.head_rule import HeadChoice
from common.head_spaces import spanned_dimensions
from common.privacy.events import Mechanism, PrivacyUnit
from common.recipes import DistillationRecipe
from common.run_plan import RunPlan
from common.transfer_set import TransferSet


def make_run_plan(
    config: Config, transfer_set: TransferSet, *, num_classes: int
) -> RunPlan:
    """Returns the run plan: a function of config and transfer set alone.

    Nothing in it depends on time, machine or Flower, so a resumed run sends the very
    same plan, and a site recognises it.

    Args:
        config: the experiment.
        transfer_set: what knowledge is exchanged on.
        num_classes: number of classes.
    """
    mechanism = Mechanism(config.privacy.mechanism)
    private = mechanism.is_private
    training = _head_training if config.has_heads else _model_training
    chosen = training(config, transfer_set, num_classes=num_classes)
    return RunPlan(
        run_id=config.run_id,
        rounds=planned_rounds(config),
        steps_per_round=chosen.steps_per_round,
        sampling_probability=chosen.sampling_probability,
        clipping_norms=chosen.clipping_norms,
        mechanism=mechanism,
        epsilon=config.privacy.epsilon if private else math.inf,
        delta=config.privacy.delta,
        noise_multiplier=config.privacy.noise_multiplier if private else 0.0,
        unit=PrivacyUnit(config.privacy.unit),
        temperature=config.distill.temperature,
        transfer_set_id=transfer_set.content_id,
        transfer_size=len(transfer_set),
        num_classes=num_classes,
        mean_nominal_examples=config.mean_nominal_examples,
        codec=config.codec_name,
        learning_rate=chosen.learning_rate,
        distillation=DistillationRecipe(
            epochs=config.distill.epochs,
            learning_rate=config.distill.learning_rate,
            batch_size=config.distill.batch_size,
        ),
        seed=config.seed,
        head=chosen.head,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """The part of a plan that differs between models and additive heads."""

    steps_per_round: int
    sampling_probability: float
    clipping_norms: tuple[float, ...]
    learning_rate: float
    head: HeadRecipe | None


def _model_training(
    config: Config, transfer_set: TransferSet, *, num_classes: int
) -> _Training:
    del transfer_set, num_classes
    return _Training(
        steps_per_round=config.steps_per_round,
        sampling_probability=config.sampling_probability,
        clipping_norms=(config.train.clipping_norm,),
        learning_rate=config.revisit.learning_rate,
        head=None,
    )


def _head_training(
    config: Config, transfer_set: TransferSet, *, num_classes: int
) -> _Training:
    choice, recipe = planned_heads(config, transfer_set, num_classes=num_classes)
    return _Training(
        steps_per_round=1,
        sampling_probability=1.0,
        # Without noise as well: it keeps wrong labels from pulling without bound.
        clipping_norms=choice.clipping_norms,
        learning_rate=1.0,
        head=recipe,
    )


def planned_heads(
    config: Config, transfer_set: TransferSet, *, num_classes: int
) -> tuple[HeadChoice, HeadRecipe]:
    """Returns what the rule chose for a run's heads, and their recipe.

    Args:
        config: the experiment.
        transfer_set: whose examples say how many features there can be.
        num_classes: number of classes.

    Raises:
        DataError: features that do not fit the examples.
    """
    input_shape = transfer_set.inputs.shape[1:]
    features = head_features(config, input_shape=input_shape)
    choice = plan_head(
        config,
        num_classes=num_classes,
        transfer_size=len(transfer_set),
        most_dimensions=spanned_dimensions(features, transfer_set),
    )
    return choice, head_recipe(config, choice, input_shape=input_shape)
