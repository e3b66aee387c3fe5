"""Hyper-parameters are chosen on the validation part, never on the test part."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from common.data import parts as parts_module
from common.data.examples import LabelledExamples
from server import app as server_app
from simulations import federation, tuning
from simulations.tuning import (
    alone_validation_accuracy,
    combinations,
    validation_accuracy,
)
from tests.simulations.tiny import tiny_config

MEASURES = [validation_accuracy, alone_validation_accuracy]
LEARNS = {
    "privacy__epsilon": 8.0,
    "train__batch_size": 40,
    "data__partition": "iid",
    "distill__epochs": 10,
}


def test_combinations_are_all_of_them_in_order():
    """The last key changes first."""
    grid = {"train.epochs": ("1", "2"), "train.learning-rate": ("0.5", "1", "2")}

    found = [tuple(choice.values()) for choice in combinations(grid)]

    assert found == [
        ("1", "0.5"),
        ("1", "1"),
        ("1", "2"),
        ("2", "0.5"),
        ("2", "1"),
        ("2", "2"),
    ]
    assert all(set(choice) == set(grid) for choice in combinations(grid))


def test_nothing_to_choose_is_one_combination():
    """The config as it stands."""
    assert list(combinations({})) == [{}]


def _with_garbage(monkeypatch, part):
    """Replaces every label of a public part, wherever it is loaded."""

    def damaged(load):
        def loaded(config):
            found = load(config)
            examples = getattr(found, part)
            garbage = LabelledExamples(
                inputs=examples.inputs, labels=(examples.labels + 1) % 10
            )
            return replace(found, **{part: garbage})

        return loaded

    monkeypatch.setattr(federation, "load_parts", damaged(parts_module.load_parts))
    monkeypatch.setattr(tuning, "load_parts", damaged(parts_module.load_parts))
    public = damaged(parts_module.load_public_parts)
    monkeypatch.setattr(server_app, "load_public_parts", public)


@pytest.mark.e2e
@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.__name__)
def test_the_test_part_has_no_say(measure, tmp_path, monkeypatch):
    """Garbage for its labels does not change the figure by a bit."""
    config = tiny_config(**LEARNS)
    intact = measure(config, _made(tmp_path / "intact"))
    _with_garbage(monkeypatch, "test")

    assert measure(config, _made(tmp_path / "damaged")) == intact


@pytest.mark.e2e
@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.__name__)
def test_the_validation_part_decides(measure, tmp_path, monkeypatch):
    """Garbage for its labels does change the figure, so the test above can fail."""
    config = tiny_config(**LEARNS)
    intact = measure(config, _made(tmp_path / "intact"))
    _with_garbage(monkeypatch, "validation")

    assert measure(config, _made(tmp_path / "damaged")) != intact


def _made(folder):
    folder.mkdir()
    return folder


def test_prints_means_over_seeds_and_the_best(monkeypatch, capsys):
    """One line a combination; the figures come from the seeds for tuning."""
    asked = []

    def measure(config, folder):
        asked.append((config.seed, config.train.learning_rate))
        assert not config.baselines.enabled
        return config.train.learning_rate / 10 + config.seed / 1000

    monkeypatch.setattr(tuning, "validation_accuracy", measure)
    command = "tuning digits-demo train.learning-rate=1,2 --seeds 101,103"
    monkeypatch.setattr(sys, "argv", command.split())

    tuning.main()

    assert asked == [(101, 1), (103, 1), (101, 2), (103, 2)]
    assert capsys.readouterr().out.splitlines() == [
        "0.2020  train.learning-rate=1",
        "0.3020  train.learning-rate=2",
        "best on the validation part: train.learning-rate=2",
    ]


def test_alone_has_a_measure_of_its_own(monkeypatch, capsys):
    """Told by --alone; so the baseline can have as many tries."""
    monkeypatch.setattr(tuning, "validation_accuracy", None)
    monkeypatch.setattr(
        tuning,
        "alone_validation_accuracy",
        lambda config, folder: config.alone.learning_rate,
    )
    command = "tuning digits-demo --alone alone.learning-rate=1,4,2 --seeds 101"
    monkeypatch.setattr(sys, "argv", command.split())

    tuning.main()

    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "best on the validation part: alone.learning-rate=4"


def test_default_seeds_are_not_those_of_reported_runs(monkeypatch):
    """Bundled configs report seeds from 1 on; tuning draws others."""
    monkeypatch.setattr(sys, "argv", ["tuning", "digits-demo"])

    seeds = [int(seed) for seed in tuning._arguments().seeds.split(",")]

    assert np.min(seeds) > 100
