"""A sweep by a call from Python is that of the command."""

import csv
import math

import pytest

import fedstill
from common.errors import ConfigError, OutputExistsError
from tests.simulations.tiny import tiny_config


@pytest.mark.e2e
def test_a_sweep_is_run_and_reported(tmp_path):
    """Results, report, and what is said of every cell."""
    sweep = fedstill.tradeoff(
        tiny_config(),
        epsilon=[2, math.inf],
        seeds=1,
        partition=["iid"],
        baselines=[],
        output=tmp_path / "sweep",
        rounds=1,
    )

    assert sweep.failed == ()
    assert [row.cell.epsilon for row in sweep.rows] == [2.0, math.inf]
    assert {row.cell.partition for row in sweep.rows} == {"iid"}
    assert {len(row.result.curve) for row in sweep.rows} == {1}
    with sweep.folder.results_csv.open() as file:
        assert len(list(csv.DictReader(file))) == 2
    assert "<html" in sweep.folder.report.read_text()
    with pytest.raises(OutputExistsError):
        fedstill.tradeoff(tiny_config(), output=tmp_path / "sweep")


def test_a_mistake_names_the_option(tmp_path):
    """As the command does; nothing is run."""
    with pytest.raises(ConfigError, match=r"--mechanism = 'dp': must be one or more"):
        fedstill.tradeoff(tiny_config(tmp_path), mechanism=["dp"])
    with pytest.raises(ConfigError, match=r"--epsilon = '-1.0': must be > 0"):
        fedstill.tradeoff("digits-demo", epsilon=[1, -1], output=tmp_path)

    assert not list(tmp_path.iterdir())
