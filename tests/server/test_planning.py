"""The run plan is a function of config and transfer set alone."""

from __future__ import annotations

import math

from common.messages import HelloRequest
from common.privacy.events import Mechanism
from server.planning import make_run_plan
from tests.server.sites import small_config, small_parts


def test_the_same_config_gives_the_same_bytes() -> None:
    """A site recognises the plan of a resumed run."""
    plans = [
        make_run_plan(config, small_parts().transfer, num_classes=3)
        for config in (small_config(), small_config(resume=True, output="elsewhere"))
    ]

    first, second = (HelloRequest(plan=plan).to_envelope().sha256 for plan in plans)
    assert first == second


def test_takes_every_field_from_the_config() -> None:
    """Sampling, steps and privacy are the config's, the set's id its content."""
    transfer = small_parts().transfer
    config = small_config(**{"train.learning-rate": 0.7, "distill.temperature": 2.0})

    plan = make_run_plan(config, transfer, num_classes=3)

    assert plan.run_id == config.run_id
    assert plan.transfer_set_id == transfer.content_id
    assert plan.transfer_size == 40
    assert plan.sampling_probability == 0.5
    assert plan.steps_per_round == 2
    assert plan.mean_nominal_examples == 100.0
    assert plan.mechanism is Mechanism.DP_SGD
    assert (plan.epsilon, plan.delta) == (4.0, 1e-3)
    assert plan.learning_rate == 0.7
    assert plan.temperature == 2.0
    assert plan.distillation.epochs == config.distill.epochs


def test_without_privacy_epsilon_is_infinite_and_training_stays() -> None:
    """The mechanism none promises nothing, and learns as [no-privacy] says."""
    config = small_config(
        **{
            "privacy.mechanism": "none",
            "allow-non-private": True,
            "no-privacy.epochs": 2.0,
            "no-privacy.batch-size": 50,
            "no-privacy.learning-rate": 0.05,
        }
    )

    plan = make_run_plan(config, small_parts().transfer, num_classes=3)

    assert plan.epsilon == math.inf
    assert plan.noise_multiplier == 0.0
    assert plan.learning_rate == 0.05
    assert plan.steps_per_round == 4
