"""Which run of Flower's works on which run folder is found again by whoever asks."""

from pathlib import Path

import pytest

from common.deployment.layout import DeploymentFolder
from server.deployment.run_record import (
    last_run_of,
    record_path,
    record_run,
    started_runs,
)


@pytest.fixture
def deployment(tmp_path):
    (tmp_path / "state").mkdir()
    return DeploymentFolder(tmp_path)


def _record(deployment, number, folder="/runs/a"):
    return record_run(
        deployment, flower_run_id=str(number), run_folder=Path(folder), run_id="a-1"
    )


def test_newest_run_of_a_folder_is_found(deployment):
    """Flower gives a new number at each start."""
    _record(deployment, 1)
    last = _record(deployment, 2**63 + 5)
    _record(deployment, 3, "/runs/b")

    assert last_run_of(deployment, Path("/runs/a")) == last
    assert last.flower_run_id == "9223372036854775813"
    assert last_run_of(deployment, Path("/runs/c")) is None
    assert len(started_runs(deployment)) == 3


def test_nothing_was_started_yet(deployment):
    """No file, no runs."""
    assert started_runs(deployment) == []


def test_line_that_a_power_cut_halved_swallows_no_other(deployment):
    """The next one begins on a line of its own."""
    _record(deployment, 1)
    with record_path(deployment).open("a") as file:
        file.write('{"flower_run_id": "2", "run_f')
    _record(deployment, 3)

    assert [one.flower_run_id for one in started_runs(deployment)] == ["1", "3"]
