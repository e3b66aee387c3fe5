"""DP-FedAvg at example level: the baseline that exchanges weights.

McMahan, Moore, Ramage, Hampson & Aguera y Arcas (2017), "Communication-Efficient
Learning of Deep Networks from Decentralized Data", https://arxiv.org/abs/1602.05629,
with DP-SGD (Abadi et al. 2016) as the sites' training, so that each site has the same
example-level guarantee as under Fedstill. We differ from the paper in full batches
(few large steps cost less privacy than many small ones), in every site taking part in
every round, and in weighing sites by public nominal examples.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from client.private_data import PrivateData
from client.training.dp_sgd import Examples, PrivateSteps, revisit
from client.training.private_features import PrivateFeatures
from common.config import Config
from common.data.examples import LabelledExamples
from common.data.parts import Parts
from common.head_space import HeadSpace
from common.head_spaces import head_space
from common.models.zoo import build_model
from common.prediction import accuracy
from common.privacy.calibration import calibrate_noise_multiplier
from common.seeds import derive_seed
from common.weights import to_bytes
from server.planning import planned_heads
from simulations.seeded_randomness import SeededRandomness
from simulations.sites import private_examples

HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class FedAvgRound:
    """What a round of DP-FedAvg reached.

    Attributes:
        round: counted from 1.
        test_accuracy: of the averaged model, in [0, 1].
        validation_accuracy: the same on the public validation part.
        bytes_up: bytes of all weights that the sites have sent so far.
    """

    round: int
    test_accuracy: float
    validation_accuracy: float
    bytes_up: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Space:
    """What the averaged model sees of inputs: themselves, or public features."""

    features: HeadSpace | None

    def private(self, examples: LabelledExamples, num_classes: int) -> Examples:
        data = PrivateData(
            inputs=examples.inputs, labels=examples.labels, num_classes=num_classes
        )
        if self.features is None:
            return data
        return PrivateFeatures(data, self.features.features)

    def accuracy(self, model: nn.Module, examples: LabelledExamples) -> float:
        inputs = examples.inputs
        if self.features is not None:
            inputs = self.features.public_features(inputs)
        return accuracy(model, inputs, examples.labels)


def fedavg(config: Config, parts: Parts) -> tuple[FedAvgRound, ...]:
    """Returns what every round of DP-FedAvg reached, on the run's partition.

    Args:
        config: ``[fedavg]`` says how; budget, sites and seed are the run's own.
        parts: the data.
    """
    recipe = config.fedavg
    space, model = _start(config, parts)
    settings = _private_steps(config)
    sites = [
        space.private(examples, parts.num_classes)
        for examples in private_examples(config, parts)
    ]
    payload = len(to_bytes(model)) * config.sites
    reached = []
    for number in range(1, recipe.rounds + 1):
        local = [copy.deepcopy(model) for _ in sites]
        for student, data, name, nominal in zip(
            local, sites, config.site_names, config.nominal_examples, strict=True
        ):
            stream = SeededRandomness(run_seed=config.seed, site_name=name).stream(
                "fedavg", number
            )
            revisit(student, data, settings[nominal], stream)
        _average(model, local, config.nominal_examples)
        reached.append(
            FedAvgRound(
                round=number,
                test_accuracy=space.accuracy(model, parts.test),
                validation_accuracy=space.accuracy(model, parts.validation),
                bytes_up=number * payload,
            )
        )
    return tuple(reached)


def _start(config: Config, parts: Parts) -> tuple[_Space, nn.Module]:
    if config.fedavg.model != HEAD:
        model = build_model(
            config.fedavg.model,
            input_shape=parts.input_shape,
            num_classes=parts.num_classes,
            seed=derive_seed(config.seed, "fedavg-initial-weights"),
        )
        return _Space(features=None), model
    _, recipe = planned_heads(config, parts.transfer, num_classes=parts.num_classes)
    features = head_space(recipe, parts.transfer)  # the federation's heads have them
    return _Space(features=features), features.new_head(parts.num_classes)


def _private_steps(config: Config) -> dict[int, PrivateSteps]:
    """Returns the private steps of a round by a site's nominal examples."""
    recipe, privacy = config.fedavg, config.privacy
    is_private = privacy.mechanism != "none"
    noise_multiplier = (
        _calibrated(privacy.epsilon, privacy.delta, recipe.rounds * recipe.steps)
        if is_private
        else 0.0
    )
    return {
        nominal: PrivateSteps(
            steps=recipe.steps,
            sampling_probability=1.0,
            expected_batch_size=nominal,
            clipping_norm=recipe.clipping_norm,
            noise_multiplier=noise_multiplier,
            learning_rate=recipe.learning_rate,
        )
        for nominal in set(config.nominal_examples)
    }


@lru_cache(maxsize=64)
def _calibrated(epsilon: float, delta: float, steps: int) -> float:
    return calibrate_noise_multiplier(
        epsilon=epsilon, delta=delta, sampling_probability=1.0, steps=steps
    )


@torch.no_grad()
def _average(
    model: nn.Module, local: list[nn.Module], nominal_examples: tuple[int, ...]
) -> None:
    """Puts the mean of the sites' weights into ``model``."""
    shares = [size / math.fsum(nominal_examples) for size in nominal_examples]
    states = [one.state_dict() for one in local]
    model.load_state_dict(
        {
            name: sum(
                share * state[name] for share, state in zip(shares, states, strict=True)
            )
            for name in states[0]
        }
    )
