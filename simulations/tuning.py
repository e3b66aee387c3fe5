"""Choosing hyper-parameters on the validation part, never on the test part.

::

    python -m simulations.tuning digits-demo train.learning-rate=1,2 --seeds 101,102
    python -m simulations.tuning digits-demo --alone alone.learning-rate=1,2,4

Every combination runs with every seed; what is printed is the mean accuracy on the
validation part, which is public and labelled. The seeds are
others than those of reported runs. The baseline *alone* gets as many tries.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from common.config import Config, load_config
from common.data.parts import load_parts
from common.prediction import accuracy
from simulations.alone import students_alone
from simulations.federation import run_federation
from simulations.locate import find_config
from simulations.rounds import read_rounds

Choice = Mapping[str, str]


def combinations(grid: Mapping[str, tuple[str, ...]]) -> Iterator[Choice]:
    """Yields every combination of the values of each key, in the order given."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def validation_accuracy(config: Config, folder: Path) -> float:
    """Returns the validation accuracy of a federation, in [0, 1].

    The mean of the global student and the mean local student: a config should serve
    both.

    Args:
        config: the federation; its seed is one for tuning.
        folder: where its run folder goes.
    """
    output = folder / config.run_id
    federation = run_federation(config.with_overrides({"output": str(output)}))
    last = read_rounds(output / "metrics.jsonl")[-1].global_student
    local = federation.local_accuracies(federation.parts.validation)
    return float(np.mean([last.validation_accuracy, np.mean(list(local.values()))]))


def alone_validation_accuracy(config: Config, folder: Path) -> float:
    """Returns the mean validation accuracy of the sites alone, in [0, 1].

    Args:
        config: the federation; ``[alone]`` is what is tuned.
        folder: where the sites' store goes.
    """
    parts = load_parts(config)
    path = folder / f"{config.run_id}.sqlite"
    students = students_alone(config, parts, path)
    inputs, labels = parts.validation.inputs, parts.validation.labels
    return float(np.mean([accuracy(one, inputs, labels) for one in students.values()]))


def main() -> None:
    """Prints one line a combination, and the best one."""
    arguments = _arguments()
    grid = {
        key: tuple(values.split(","))
        for key, _, values in (one.partition("=") for one in arguments.grid)
    }
    measure = alone_validation_accuracy if arguments.alone else validation_accuracy
    results: dict[str, float] = {}
    for choice in combinations(grid):
        scores = []
        for seed in arguments.seeds.split(","):
            config = load_config(
                find_config(arguments.config),
                {**choice, "seed": seed, "baselines.enabled": "false"},
            )
            with tempfile.TemporaryDirectory() as folder:
                scores.append(measure(config, Path(folder)))
        name = " ".join(f"{key}={value}" for key, value in choice.items())
        results[name] = float(np.mean(scores))
        print(f"{results[name]:.4f}  {name}", flush=True)  # noqa: T201 - a tool's output
    best = max(results, key=results.__getitem__)
    print(f"best on the validation part: {best}")  # noqa: T201


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulations.tuning")
    parser.add_argument("config", help="a TOML file or the name of a bundled config")
    parser.add_argument("grid", nargs="*", help="KEY=VALUE,VALUE,...")
    parser.add_argument("--seeds", default="101,102,103")
    parser.add_argument("--alone", action="store_true", help="tune the baseline alone")
    return parser.parse_intermixed_args()  # options may stand between the keys


if __name__ == "__main__":
    main()
