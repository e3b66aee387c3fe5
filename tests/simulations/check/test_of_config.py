"""What is said of a config before any data are read."""

import pytest

from common.errors import ConfigError
from common.findings import Level
from simulations.check.of_config import config_findings, config_problems
from tests.simulations.check.tools import texts, warnings
from tests.simulations.tiny import tiny_config


def test_each_problem_is_an_error_of_its_own():
    """As the command would print them, without what happens now."""
    error = ConfigError(
        "rounds = -1: must be >= 0.\nseed = -1: must be >= 0. Nothing was run."
    )

    found = list(config_problems(error))

    assert texts(found) == ["rounds = -1: must be >= 0.", "seed = -1: must be >= 0."]
    assert {one.level for one in found} == {Level.ERROR}


def test_a_plain_config_gives_no_warning(tmp_path):
    """And says in a line what will be run."""
    config = tiny_config(tmp_path / "new", baselines__enabled=True)

    (only,) = config_findings(config)

    assert only.level is Level.OK
    assert "3 sites, 2 rounds, mechanism dp-sgd" in only.text
    assert only.figures["run_id"] == config.run_id


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"codec__name": "float16"}, "codec.name = float16"),
        ({"baselines__enabled": False}, "baselines.enabled = false"),
        (
            {"data__per_site": "20,40,100", "train__batch_size": 10},
            "data.per-site goes from 20 to 100",
        ),
    ],
)
def test_what_is_odd_is_a_warning(tmp_path, changes, expected):
    """One line each, that begins with the key or names it."""
    config = tiny_config(tmp_path / "new", **{"baselines__enabled": True} | changes)

    (warning,) = warnings(config_findings(config))

    assert warning.startswith(expected)


def test_sites_of_like_sizes_are_no_warning(tmp_path):
    """Four times as large is common."""
    config = tiny_config(tmp_path / "new", data__per_site="25,40,100")

    assert not any("per-site" in text for text in warnings(config_findings(config)))


def test_a_taken_run_folder_is_a_warning(tmp_path):
    """Unless the run is to be continued."""
    (tmp_path / "old").mkdir()

    taken = warnings(config_findings(tiny_config(tmp_path / "old")))
    resumed = warnings(config_findings(tiny_config(tmp_path / "old", resume=True)))

    assert any("exists" in text for text in taken)
    assert not any("exists" in text for text in resumed)
