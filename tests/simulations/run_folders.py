"""Run folders as a simulation leaves them, written in milliseconds."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from common.config import Config
from common.run_folder import RunFolder
from simulations.baseline_figures import (
    AloneFigures,
    BaselineFigures,
    NoPrivacyFigures,
    PooledFigures,
)
from simulations.summary import (
    ByteFigures,
    GlobalStudentFigures,
    LocalStudentFigures,
    PrivacyFigures,
    Summary,
)

ROUNDS = 10
SITES = tuple(f"site-{number:02d}" for number in range(10))
ALONE = (0.31, 0.485, 0.29, 0.36, 0.42, 0.27, 0.303, 0.38, 0.25, 0.343)
STUDENTS = (0.853, 0.86, 0.847, 0.85, 0.843, 0.837, 0.84, 0.857, 0.85, 0.84)
ACCURACIES = (0.42, 0.58, 0.676, 0.733, 0.78, 0.807, 0.823, 0.84, 0.85, 0.858)
EPSILONS = (1.21, 1.7, 2.07, 2.4, 2.7, 2.97, 3.24, 3.5, 3.75, 3.99)


def make_config(*, is_private: bool = True) -> Config:
    """Returns a config like that of the demo."""
    return Config.from_run_config(
        {
            "name": "digits-demo",
            "rounds": ROUNDS,
            "data.partition": "dirichlet",
            "privacy.epsilon": 4.0,
            "privacy.delta": 1e-3,
            "privacy.mechanism": "dp-sgd" if is_private else "none",
            "allow-non-private": not is_private,
        }
    )


def make_summary(
    *,
    is_private: bool = True,
    has_baselines: bool = True,
    exhausted_at: int | None = None,
) -> Summary:
    """Returns the figures of a run like the demo."""
    epsilon = EPSILONS[-1] if is_private else math.inf
    config = make_config(is_private=is_private)
    return Summary(
        name=config.name,
        run_id=config.run_id,
        seed=config.seed,
        rounds=ROUNDS,
        global_student=GlobalStudentFigures(test_accuracy=ACCURACIES[-1]),
        local_students=LocalStudentFigures(
            mean_test_accuracy=0.8477,
            by_model={"mlp": 0.8525, "cnn": 0.84, "linear": 0.849},
            by_site=dict(zip(SITES, STUDENTS, strict=True)),
        ),
        baselines=_baselines() if has_baselines else BaselineFigures(),
        privacy=PrivacyFigures(
            mechanism=config.privacy.mechanism,
            max_epsilon=epsilon,
            sum_epsilon=10 * epsilon,
            delta=1e-3,
            unit="example",
            budget_exhausted_at_round=exhausted_at,
        ),
        bytes=ByteFigures(
            up=1_634_200,
            down=1_571_870,
            soft_labels_up=1_588_000,
            float32_equivalent_up=1_588_000,
            fedavg_equivalent_up=3_912_000,
        ),
        seconds=48.3,
    )


def make_deployed_summary(
    *, is_private: bool = True, accuracy: float | None = ACCURACIES[-1]
) -> Summary:
    """Returns the figures of a run like the demo, on separate machines."""
    return replace(
        make_summary(is_private=is_private, has_baselines=False),
        global_student=GlobalStudentFigures(test_accuracy=accuracy),
        local_students=None,
        sites=("north", "south"),
        never_came=("west",),
    )


def make_lines(
    *, is_private: bool = True, exhausted_at: int | None = None, faults: bool = False
) -> list[str]:
    """Returns the lines of ``metrics.jsonl``."""
    return [
        json.dumps(
            _round(
                number,
                is_private=is_private,
                is_exhausted=exhausted_at is not None and number >= exhausted_at,
                has_fault=faults and number == 3,
            )
        )
        for number in range(1, ROUNDS + 1)
    ]


def make_run_folder(
    root: Path,
    *,
    is_private: bool = True,
    has_baselines: bool = True,
    exhausted_at: int | None = None,
    faults: bool = False,
) -> RunFolder:
    """Writes a run folder and returns it."""
    folder = RunFolder(root)
    root.mkdir(parents=True, exist_ok=True)
    lines = make_lines(is_private=is_private, exhausted_at=exhausted_at, faults=faults)
    summary = make_summary(
        is_private=is_private, has_baselines=has_baselines, exhausted_at=exhausted_at
    )
    folder.config.write_text(make_config(is_private=is_private).to_toml())
    folder.environment.write_text(
        json.dumps(
            {
                "seed": 1,
                "platform": "Linux-6.8-x86_64",
                "python": "3.11.9",
                "versions": {"fedstill": "0.1.0", "torch": "2.13.0", "flwr": "1.41.0"},
            }
        )
    )
    folder.metrics.write_text("\n".join(lines) + "\n")
    folder.summary.write_text(summary.to_json())
    return folder


def _baselines() -> BaselineFigures:
    return BaselineFigures(
        alone=AloneFigures(
            mean_test_accuracy=0.3411,
            best_test_accuracy=max(ALONE),
            by_site=dict(zip(SITES, ALONE, strict=True)),
        ),
        pooled=PooledFigures(test_accuracy=0.963),
        no_privacy=NoPrivacyFigures(
            global_student_test_accuracy=0.947, local_mean_test_accuracy=0.941
        ),
    )


def _round(
    number: int, *, is_private: bool, is_exhausted: bool, has_fault: bool
) -> dict[str, object]:
    rejections = [
        {"site": "site-03", "reason": "rows off the simplex"},
        {"site": "site-07", "reason": "not finite"},
    ]
    return {
        "round": number,
        "cohort": 10,
        "accepted": 7 if has_fault else 10,
        "rejected": 2 if has_fault else 0,
        "silent": 1 if has_fault else 0,
        "rejections": rejections if has_fault else [],
        "exhausted": 10 if is_exhausted else 0,
        "global_student": {
            "test_accuracy": ACCURACIES[number - 1],
            "validation_accuracy": ACCURACIES[number - 1] - 0.01,
        },
        "privacy": {
            "epsilon": EPSILONS[number - 1] if is_private else None,
            "delta": 1e-3,
        },
        "bytes": {"up": 163_420, "down": 157_187, "soft_labels_up": 158_800},
        "seconds": 4.6 + number / 10,
    }
