"""What is said of a run whose private data are at the sites."""

from pathlib import Path

import numpy as np
import pytest

from common.config import Config
from common.data.transfer_file import read_transfer_set
from common.findings import Level
from simulations.check.checkup import check
from simulations.check.finding import Group
from tests.simulations.check.tools import texts, warnings

TRANSFER, OWN = 40, 12


@pytest.fixture
def config(tmp_path):
    """A coordinator's: a transfer set, and examples of its own."""
    generator = np.random.default_rng(0)
    transfer, own = tmp_path / "transfer.npz", tmp_path / "own.npz"
    np.savez(transfer, inputs=generator.random((TRANSFER, 1, 8, 8), np.float32))
    np.savez(
        own,
        inputs=generator.random((OWN, 1, 8, 8), np.float32),
        labels=np.arange(OWN) % 3,
    )
    return Config.from_run_config(
        {
            "name": "deployed",
            "sites": 3,
            "models": "mlp:3",
            "rounds": 2,
            "engine": "flower",
            "data.name": "at-sites",
            "data.classes": 3,
            "data.per-site": "40",
            "train.batch-size": 10,
            "transfer.path": str(transfer),
            "transfer.size": 0,
            "transfer.per-round": 20,
            "evaluation.path": str(own),
            "privacy.mechanism": "dp-sgd",
            "privacy.delta": 1e-3,
        }
    )


def _of(group, findings):
    return [one for one in findings if one.group is group]


def test_a_deployed_run_can_be_checked(config):
    """From the public parts: everything but what a simulation costs here."""
    found = list(check(config))

    assert not texts(found, Level.ERROR)
    assert {one.group for one in found} == {*Group} - {Group.HEAD}
    cost = {name for one in _of(Group.COST, found) for name in one.figures}
    assert cost == {"bytes_up", "bytes_down", "run_bytes_up", "run_bytes_down"}


def test_content_id_is_told_that_policies_name(config):
    """Owners allow a transfer set by it."""
    content_id = read_transfer_set(Path(config.transfer.path)).content_id

    first, own, _ = _of(Group.DATA, check(config))

    assert first.figures["content_id"] == content_id
    assert content_id in first.text
    assert own.figures == {"test": OWN}


def test_without_own_examples_accuracy_is_not_measured(config):
    """Which a coordinator wants to know before the run."""
    without = config.with_overrides({"evaluation.path": ""})

    assert any(
        "accuracy will not be measured" in text for text in warnings(check(without))
    )


def test_a_missing_transfer_set_is_an_error(config):
    """And nothing can be said that depends on it."""
    found = list(check(config.with_overrides({"transfer.path": "none.npz"})))

    assert found[-1].group is Group.DATA
    assert texts(found, Level.ERROR)[0].startswith("Data file none.npz cannot be read")


def test_nothing_is_said_of_simulations_alone(config, tmp_path, monkeypatch):
    """Baselines, and a run folder of this machine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / config.name).mkdir(parents=True)

    found = check(config.with_overrides({"baselines.enabled": False}))

    assert not warnings(_of(Group.CONFIG, found))
