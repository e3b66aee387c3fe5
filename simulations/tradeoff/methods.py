"""The methods that a cell can run: (config, folder) -> what was measured.

Each takes the cell's resolved config and an empty folder for its files, which is
removed afterwards. ``simulations.tradeoff.catalogue`` names them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

import numpy as np

from common.config import Config
from common.data.parts import load_parts
from common.prediction import accuracy
from common.privacy.accountant import spent
from common.privacy.calibration import calibrate_noise_multiplier
from common.privacy.events import Mechanism, PrivacyEvent
from common.run_folder import RunFolder
from simulations.alone import student_on_pooled_data, students_alone
from simulations.engines.inline import Faults
from simulations.fedavg import fedavg
from simulations.federation import run_federation
from simulations.rounds import read_rounds
from simulations.sites import open_store
from simulations.tradeoff.cells import CellResult, CurvePoint


def federation(
    config: Config, folder: Path, *, faults: Faults | None = None
) -> CellResult:
    """Runs the federation itself, with or without privacy.

    Args:
        config: of the cell.
        folder: where its run folder goes.
        faults: what goes wrong on purpose.
    """
    run = RunFolder(folder / "run")
    finished = run_federation(
        config.with_overrides({"output": str(run.root)}), faults=faults
    )
    rounds = read_rounds(run.metrics)
    sent = accumulate(one.bytes.up for one in rounds)
    test_accuracy, validation_accuracy = rounds[-1].global_student.measured
    return CellResult(
        test_accuracy=test_accuracy,
        validation_accuracy=validation_accuracy,
        epsilon_spent=max(finished.epsilon_spent().values()),
        bytes_up=finished.bytes_up,
        bytes_down=finished.bytes_down,
        curve=tuple(
            CurvePoint(
                round=one.round,
                test_accuracy=one.global_student.measured[0],
                bytes_up=up,
            )
            for one, up in zip(rounds, sent, strict=True)
        ),
        extra={"soft_labels_up": sum(one.bytes.soft_labels_up for one in rounds)},
    )


def alone(config: Config, folder: Path) -> CellResult:
    """Trains every site by itself, with or without privacy; accuracies are means.

    Args:
        config: of the cell.
        folder: where the sites' store goes.
    """
    parts = load_parts(config)
    path = folder / "alone.sqlite"
    students = students_alone(config, parts, path)
    test, validation = (
        [accuracy(student, part.inputs, part.labels) for student in students.values()]
        for part in (parts.test, parts.validation)
    )
    return CellResult(
        test_accuracy=float(np.mean(test)),
        validation_accuracy=float(np.mean(validation)),
        epsilon_spent=_most_spent(config, path, students),
        extra={"best_test_accuracy": max(test), "worst_test_accuracy": min(test)},
    )


def pooled_head(config: Config, folder: Path) -> CellResult:
    """Trains one head on everybody's data under the budget of one site.

    Args:
        config: of the cell, with additive heads.
        folder: where the store goes.
    """
    parts = load_parts(config)
    path = folder / "pooled.sqlite"
    student = student_on_pooled_data(config, parts, path)
    test, validation = parts.test, parts.validation
    return CellResult(
        test_accuracy=accuracy(student, test.inputs, test.labels),
        validation_accuracy=accuracy(student, validation.inputs, validation.labels),
        epsilon_spent=_most_spent(config, path, config.site_names[:1]),
    )


def dp_fedavg(config: Config, folder: Path) -> CellResult:
    """Runs DP-FedAvg at example level; ``[fedavg]`` says how.

    Args:
        config: of the cell.
        folder: not used, nothing is written.
    """
    del folder
    rounds = fedavg(config, load_parts(config))
    last = rounds[-1]
    return CellResult(
        test_accuracy=last.test_accuracy,
        validation_accuracy=last.validation_accuracy,
        epsilon_spent=_fedavg_epsilon(config),
        bytes_up=last.bytes_up,
        bytes_down=last.bytes_up,  # every site gets the average of what all sent
        curve=tuple(
            CurvePoint(
                round=one.round,
                test_accuracy=one.test_accuracy,
                bytes_up=one.bytes_up,
            )
            for one in rounds
        ),
    )


def _most_spent(config: Config, path: Path, names: Iterable[str]) -> float:
    """Reads the ledgers: what was spent, not what was asked for."""
    store, delta = open_store(path), config.privacy.delta
    return max(store.ledger(name).spent(delta=delta).epsilon for name in names)


def _fedavg_epsilon(config: Config) -> float:
    """DP-FedAvg keeps no ledger: composes the steps that it takes."""
    privacy, recipe = config.privacy, config.fedavg
    if privacy.mechanism == "none":
        return math.inf
    steps = recipe.rounds * recipe.steps
    event = PrivacyEvent(
        mechanism=Mechanism.DP_SGD,
        noise_multiplier=calibrate_noise_multiplier(
            epsilon=privacy.epsilon,
            delta=privacy.delta,
            sampling_probability=1.0,
            steps=steps,
        ),
        sampling_probability=1.0,
        steps=steps,
    )
    return spent([event], delta=privacy.delta).epsilon
