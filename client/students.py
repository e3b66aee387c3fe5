"""A site's student: built, digested, revisited and asked for soft labels."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn

from client.dp_sgd import PrivateSteps, revisit
from client.plain_training import train_plainly
from client.policy import SitePolicy
from client.private_data import PrivateData
from client.random_stream import RandomStream
from common.codec import CODECS, encode
from common.distillation import distil
from common.envelope import Array
from common.messages import RoundRequest
from common.models.zoo import build_model
from common.prediction import predict_soft_labels
from common.run_plan import RunPlan
from common.seeds import torch_generator
from common.soft_labels import SoftLabels
from common.transfer_set import TransferSet
from common.weights import all_finite


def build_student(
    policy: SitePolicy, *, input_shape: tuple[int, ...], seed: int
) -> nn.Module:
    """Returns the policy's model; its initial weights depend on ``seed`` alone.

    Args:
        policy: names a zoo model or holds the owner's builder.
        input_shape: shape of one example.
        seed: public seed.
    """
    if isinstance(policy.model, str):
        return build_model(
            policy.model,
            input_shape=input_shape,
            num_classes=policy.num_classes,
            seed=seed,
        )
    # torch's initialisers know only the global generator; fork_rng puts it back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return policy.model(input_shape, policy.num_classes)


def private_steps(
    plan: RunPlan, policy: SitePolicy, noise_multiplier: float
) -> PrivateSteps:
    """Returns a round's private steps, from plan, policy and commitment alone.

    Args:
        plan: steps, sampling probability, clipping norm, learning rate.
        policy: nominal examples; the true number is private and has no say.
        noise_multiplier: committed, dimensionless.
    """
    return PrivateSteps(
        steps=plan.steps_per_round,
        sampling_probability=plan.sampling_probability,
        expected_batch_size=plan.sampling_probability * policy.nominal_examples,
        clipping_norm=plan.clipping_norm,
        noise_multiplier=noise_multiplier,
        learning_rate=plan.learning_rate,
    )


def digest(
    student: nn.Module,
    consensus: SoftLabels,
    transfer_set: TransferSet,
    plan: RunPlan,
    *,
    round_number: int,
    site_name: str,
) -> None:
    """Distils a consensus into ``student`` in place; public data, so it is free.

    Args:
        student: unchanged where the outcome is not finite.
        consensus: soft labels of some transfer examples.
        transfer_set: the transfer set.
        plan: how to distil, and the public seed.
        round_number: seeds the order together with ``site_name``.
        site_name: public name of the site.
    """
    generator = torch_generator(
        plan.seed, "digest-order", round_number=round_number, site_name=site_name
    )
    _train_or_keep(
        student,
        lambda: distil(
            student,
            transfer_set.inputs,
            consensus,
            plan.distillation,
            generator=generator,
        ),
    )


def revisit_privately(
    student: nn.Module, data: PrivateData, settings: PrivateSteps, stream: RandomStream
) -> None:
    """Takes a round's private steps in place; unchanged if the outcome is not finite.

    Args:
        student: passed the independence test.
        data: private data.
        settings: public constants of the steps.
        stream: source of samples and noise.
    """
    _train_or_keep(student, lambda: revisit(student, data, settings, stream))


def revisit_plainly(
    student: nn.Module,
    data: PrivateData,
    plan: RunPlan,
    policy: SitePolicy,
    stream: RandomStream,
) -> None:
    """Trains in place without any guarantee, as long as a private round would.

    Args:
        student: unchanged where the outcome is not finite.
        data: labelled examples.
        plan: ``steps_per_round * sampling_probability`` passes, Adam's learning rate.
        policy: nominal examples, hence the batch size.
        stream: orders the examples.
    """
    epochs = max(1, round(plan.steps_per_round * plan.sampling_probability))
    batch_size = max(1, round(plan.sampling_probability * policy.nominal_examples))
    _train_or_keep(
        student,
        lambda: train_plainly(
            student,
            data,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=plan.learning_rate,
            stream=stream,
        ),
    )


def label(
    student: nn.Module, request: RoundRequest, transfer_set: TransferSet, plan: RunPlan
) -> Array:
    """Returns the payload of the student's soft labels, [num_asked, num_classes].

    Args:
        student: carries the guarantee, so this is post-processing.
        request: the examples to label.
        transfer_set: the transfer set.
        plan: temperature and codec.
    """
    soft_labels = predict_soft_labels(
        student,
        transfer_set.inputs,
        indices=request.indices,
        temperature=plan.temperature,
        transfer_set_id=plan.transfer_set_id,
    )
    return encode(soft_labels, CODECS[plan.codec])


def _train_or_keep(student: nn.Module, train: Callable[[], None]) -> None:
    """Trains, and silently puts the previous weights back if they are not finite."""
    previous = copy.deepcopy(student.state_dict())
    train()
    if not all_finite(student):
        student.load_state_dict(previous)
