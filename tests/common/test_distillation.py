"""Distilling soft labels into a student."""

import numpy as np
import pytest

from common import weights
from common.distillation import distil
from common.models.zoo import build_model
from common.prediction import predict_soft_labels
from common.recipes import DistillationRecipe
from common.seeds import torch_generator

RNG = np.random.default_rng(1)
INPUTS = RNG.random((64, 1, 8, 8)).astype(np.float32)


def build(name, seed):
    return build_model(name, input_shape=(1, 8, 8), num_classes=10, seed=seed)


def labels(*, temperature=1.0, indices=None):
    return predict_soft_labels(
        build("linear", 1),
        INPUTS,
        indices=np.arange(64, dtype=np.int32) if indices is None else indices,
        temperature=temperature,
        transfer_set_id="abc",
    )


def divergence(student, target):
    """Mean KL(target || student) in nats."""
    found = predict_soft_labels(
        student,
        INPUTS,
        indices=target.indices,
        temperature=target.temperature,
        transfer_set_id="abc",
    )
    gap = target.log_probabilities - found.log_probabilities
    return float((target.probabilities * gap).sum(axis=1).mean())


def run(student, target, *, seed=1, **changes):
    values = {"epochs": 60, "learning_rate": 0.01, "batch_size": 16}
    distil(
        student,
        INPUTS,
        target,
        DistillationRecipe(**{**values, **changes}),
        generator=torch_generator(seed, "digest-order"),
    )
    return student


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("name", ["linear", "mlp", "cnn"])
def test_a_student_learns_what_another_architecture_says(name, temperature):
    """After distillation the student's soft labels are close to the consensus."""
    target = labels(temperature=temperature)
    before = divergence(build(name, 2), target)

    student = run(build(name, 2), target)

    assert divergence(student, target) < 0.1 * before


def test_same_seed_gives_same_bytes():
    """Distillation repeats bit for bit, and its order depends on the generator."""
    first, second, other = (
        weights.to_bytes(run(build("mlp", 2), labels(), seed=seed, epochs=2))
        for seed in (1, 1, 2)
    )

    assert first == second
    assert first != other


def test_only_the_labelled_examples_are_used():
    """Examples of the transfer set without soft labels have no influence."""
    indices = np.array([3, 5, 8], np.int32)
    target = labels(indices=indices)
    recipe = DistillationRecipe(epochs=2, learning_rate=0.01, batch_size=2)
    changed = np.full_like(INPUTS, np.nan)
    changed[indices] = INPUTS[indices]
    students = [build("mlp", 2), build("mlp", 2)]

    for student, inputs in zip(students, (INPUTS, changed), strict=True):
        generator = torch_generator(1, "digest-order")
        distil(student, inputs, target, recipe, generator=generator)

    assert weights.to_bytes(students[0]) == weights.to_bytes(students[1])


def test_no_epochs_or_no_labels_leave_the_student_alone():
    """Nothing to do, nothing done."""
    before = weights.to_bytes(build("mlp", 2))
    none = labels(indices=np.zeros(0, np.int32))

    assert weights.to_bytes(run(build("mlp", 2), labels(), epochs=0)) == before
    assert weights.to_bytes(run(build("mlp", 2), none)) == before
