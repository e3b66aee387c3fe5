"""From a config to the run plan that sites are asked to agree to."""

from __future__ import annotations

import math

from common.config import Config
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
    return RunPlan(
        run_id=config.run_id,
        rounds=config.rounds,
        steps_per_round=config.steps_per_round,
        sampling_probability=config.sampling_probability,
        clipping_norm=config.train.clipping_norm,
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
        codec=config.codec.name,
        learning_rate=config.revisit.learning_rate,
        distillation=DistillationRecipe(
            epochs=config.distill.epochs,
            learning_rate=config.distill.learning_rate,
            batch_size=config.distill.batch_size,
        ),
        seed=config.seed,
    )
