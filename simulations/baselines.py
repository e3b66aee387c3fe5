"""What a federation is compared with, each played well, on the same partition.

*Alone*: every site by itself, the same ``Site`` with the same private steps and
budget, that never sees a consensus. *Pooled*: all private data in one place, without
privacy. *No privacy*: the same federation, without clipping and noise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from common.atomic_file import write_atomically
from common.config import Config
from common.data.parts import Parts
from common.losses import hard_cross_entropy
from common.models.zoo import build_model
from common.prediction import accuracy
from common.run_folder import RunFolder
from common.run_plan import Scalar
from common.seeds import derive_seed, torch_generator
from simulations.alone import student_on_pooled_data, students_alone
from simulations.federation import run_federation
from simulations.rounds import read_rounds
from simulations.sites import private_examples

Figures = Mapping[str, float]
WITHOUT_PRIVACY: dict[str, Scalar] = {
    "privacy.mechanism": "none",
    "allow-non-private": True,
}
STUDENTS = "no-privacy.students"


def alone(
    config: Config,
    parts: Parts,
    folder: Path,
    *,
    private_rounds: Mapping[str, int] | None = None,
) -> Figures:
    """Returns the test accuracy of every site by itself, by site name.

    Args:
        config: the federation's config.
        parts: its data.
        folder: where the baseline keeps its ledger and its figures.
        private_rounds: rounds that each site was charged for in the federation, by
            site name: a site that was not always asked spends no more alone. All
            planned rounds where nothing is said.
    """

    def compute() -> Figures:
        students = students_alone(
            config, parts, folder / "alone.sqlite", private_rounds=private_rounds
        )
        test = parts.test
        return {
            name: accuracy(student, test.inputs, test.labels)
            for name, student in students.items()
        }

    return _once(folder / "alone.json", compute)


def pooled(config: Config, parts: Parts, folder: Path) -> Figures:
    """Returns ``test_accuracy`` of the global student's model on all private data.

    Args:
        config: the federation's config; ``[pooled]`` says how it is trained.
        parts: its data.
        folder: where the baseline keeps its figures.
    """

    def compute() -> Figures:
        if config.has_heads:
            return pooled_head()
        examples = private_examples(config, parts)
        inputs = torch.from_numpy(np.concatenate([one.inputs for one in examples]))
        labels = torch.from_numpy(np.concatenate([one.labels for one in examples]))
        student = build_model(
            config.global_student_model,
            input_shape=parts.input_shape,
            num_classes=parts.num_classes,
            seed=derive_seed(config.seed, "pooled-initial-weights"),
        )
        recipe = config.pooled
        optimizer = torch.optim.Adam(student.parameters(), lr=recipe.learning_rate)
        generator = torch_generator(config.seed, "pooled-order")
        student.train()
        for _ in range(recipe.epochs):
            order = torch.randperm(len(labels), generator=generator)
            for rows in torch.split(order, recipe.batch_size):
                optimizer.zero_grad()
                losses = hard_cross_entropy(student(inputs[rows]), labels[rows])
                losses.mean().backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        test = parts.test
        return {"test_accuracy": accuracy(student, test.inputs, test.labels)}

    def pooled_head() -> Figures:
        plain = config.with_overrides(WITHOUT_PRIVACY | {STUDENTS: "heads"})
        student = student_on_pooled_data(plain, parts, folder / "pooled.sqlite")
        test = parts.test
        return {"test_accuracy": accuracy(student, test.inputs, test.labels)}

    return _once(folder / "pooled.json", compute)


def no_privacy(config: Config, folder: Path) -> Figures:
    """Returns the figures of the same federation without clipping and noise.

    Args:
        config: the federation's config; ``[no-privacy]`` replaces ``[train]``.
        folder: where the baseline keeps its run folder and its figures.
    """
    run = RunFolder(folder / "no_privacy")

    def compute() -> Figures:
        federation = run_federation(
            config.with_overrides(
                WITHOUT_PRIVACY
                | {
                    STUDENTS: "heads" if config.has_heads else "models",
                    "output": str(run.root),
                    "resume": run.config.exists(),
                }
            )
        )
        local = federation.local_accuracies(federation.parts.test)
        rounds = read_rounds(run.metrics)
        return {
            "global_student_test_accuracy": rounds[-1].global_student.measured[0],
            "local_mean_test_accuracy": float(np.mean(list(local.values()))),
        }

    return _once(folder / "no_privacy.json", compute)


def _once(path: Path, compute: Callable[[], Figures]) -> Figures:
    """Returns the figures in ``path``, computed only if a resume does not find them."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        figures = compute()
        write_atomically(path, json.dumps(figures, indent=1, sort_keys=True).encode())
    result: Figures = json.loads(path.read_text())
    return result
