"""The figures that README states, reached again by the bundled configs.

A seed is a whole run; the figures are means over the seeds that README names. The
hyper-parameters were chosen on the validation part with other seeds (see the configs).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulations.simulate import simulate
from simulations.summary import Summary

SEEDS = (1, 2, 3)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def digits_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Summary]:
    """The demo with three seeds, baselines included."""
    folder = tmp_path_factory.mktemp("digits")
    return [
        simulate("digits-demo", output=folder / str(seed), overrides={"seed": seed})
        for seed in SEEDS
    ]


def test_digits_global_student_is_good(digits_runs: list[Summary]) -> None:
    """The global student has 82% at epsilon 4 a site."""
    figures = [run.global_student.test_accuracy for run in digits_runs]

    assert np.mean(figures) >= 0.82
    assert all(run.privacy.max_epsilon <= 4 for run in digits_runs)


def test_digits_global_student_beats_the_best_site_alone(
    digits_runs: list[Summary],
) -> None:
    """The global student is 25 points above the best site alone."""
    gains = [
        run.global_student.test_accuracy - run.baselines.alone.best_test_accuracy
        for run in digits_runs
        if run.baselines.alone is not None
    ]

    assert len(gains) == len(SEEDS)
    assert np.mean(gains) >= 0.25


@pytest.mark.parametrize("model", ["mlp", "cnn", "linear"])
def test_digits_students_of_every_architecture_are_good(
    model: str, digits_runs: list[Summary]
) -> None:
    """The local students of each architecture have 80% in the mean."""
    figures = [run.local_students.by_model[model] for run in digits_runs]

    assert np.mean(figures) >= 0.80


@pytest.mark.long
def test_fashion_mnist_without_privacy_reaches_its_target(
    tmp_path: Path, real_data: Path
) -> None:
    """Without privacy the global student has 80% on Fashion-MNIST."""
    figures = [
        simulate(
            "fashion-mnist",
            output=tmp_path / str(seed),
            overrides={
                "seed": seed,
                "data.path": str(real_data / "fashion-mnist"),
                "privacy.mechanism": "none",
                "allow-non-private": True,
                "baselines.enabled": False,
            },
        ).global_student.test_accuracy
        for seed in SEEDS
    ]

    assert np.mean(figures) >= 0.80
