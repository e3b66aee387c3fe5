"""A coordinator whose sites have the data: a transfer set, and what it tests on."""

import re

import numpy as np
import pytest

from common.config import Config
from common.data.parts import load_parts, load_public_parts
from common.errors import ConfigError, DataError


@pytest.fixture
def transfer(tmp_path):
    """A transfer set of 30 examples with 4 inputs."""
    path = tmp_path / "transfer.npz"
    np.savez(path, inputs=np.random.default_rng(0).normal(size=(30, 4)))
    return path


@pytest.fixture
def own(tmp_path):
    """Twelve labelled examples of the coordinator's own."""
    path = tmp_path / "own.npz"
    inputs = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
    np.savez(path, inputs=inputs, labels=np.arange(12) % 3)
    return path


def _config(transfer, **changes):
    return Config(name="x").with_overrides(
        {
            "engine": "flower",
            "data.name": "at-sites",
            "data.classes": 3,
            "transfer.path": str(transfer),
            "transfer.size": 0,
            "transfer.per-round": 20,
            **changes,
        }
    )


def test_without_a_set_of_its_own_there_is_nothing_to_test_on(transfer):
    """Classes are a public constant, the shape is the transfer set's."""
    parts = load_public_parts(_config(transfer))

    assert len(parts.transfer) == 30
    assert (parts.num_classes, parts.input_shape) == (3, (4,))
    assert parts.test is None
    assert parts.validation is None


def test_own_set_is_what_is_tested_on(transfer, own):
    """All of it, in its order."""
    parts = load_public_parts(_config(transfer, **{"evaluation.path": str(own)}))

    assert parts.test is not None
    np.testing.assert_array_equal(parts.test.inputs, np.load(own)["inputs"])
    np.testing.assert_array_equal(parts.test.labels, np.arange(12) % 3)
    assert parts.validation is None


def test_own_set_takes_the_place_of_a_test_part(tmp_path):
    """In a simulation as well."""
    path = tmp_path / "own.npz"
    np.savez(path, inputs=np.zeros((5, 1, 8, 8)), labels=np.full(5, 9))
    config = Config(name="x", evaluation={"path": str(path)})

    for parts in (load_parts(config), load_public_parts(config)):
        assert parts.test is not None
        assert parts.test.labels.tolist() == [9] * 5
        assert parts.validation is not None
        assert len(parts.validation) == config.data.validation


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        (
            {"inputs": np.zeros((5, 6)), "labels": np.zeros(5, int)},
            "examples of shape (6,), must be (4,) like those of the transfer set.",
        ),
        (
            {"inputs": np.zeros((5, 4)), "labels": np.full(5, 3)},
            "row 0 has label 3, must be in [0, 3).",
        ),
        ({"inputs": np.zeros((5, 4))}, "must hold labels, it holds inputs"),
    ],
)
def test_own_set_that_does_not_fit_is_refused(transfer, tmp_path, arrays, fault):
    """One line names file, value and what is allowed."""
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    config = _config(transfer, **{"evaluation.path": str(path)})

    with pytest.raises(DataError, match=re.escape(fault)) as caught:
        load_public_parts(config)

    assert "own.npz" in str(caught.value)
    assert str(caught.value).endswith("Nothing was run.")


def test_more_a_round_than_there_are_is_refused(transfer):
    """As for every transfer set."""
    with pytest.raises(DataError, match=r"per-round = 31: must be <= 30"):
        load_public_parts(_config(transfer, **{"transfer.per-round": 31}))


def test_there_is_nothing_to_simulate_with(transfer):
    """The line names the command that is meant."""
    with pytest.raises(DataError, match="`fedstill run` asks the sites"):
        load_parts(_config(transfer))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"transfer.path": "", "transfer.size": 20}, "[transfer] path"),
        ({"data.classes": 0}, "[data] classes = 0: must be the number of classes"),
        ({"data.classes": 1}, "[data] classes = 1: must be the number of classes"),
        ({"data.path": "x"}, "must be empty, the sites have the data"),
        ({"data.partition": "by:ward"}, "at-sites names no sites"),
    ],
)
def test_contradictions_are_told_of(transfer, changes, fault):
    """Before anything is read."""
    with pytest.raises(ConfigError, match=re.escape(fault)):
        _config(transfer, **changes)
