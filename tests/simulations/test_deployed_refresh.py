"""`fedstill report` on the folder of a deployed run whose command did not live on."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from common.errors import DataError
from common.run_folder import RunFolder
from simulations import cli
from simulations.deployed_refresh import refresh_results
from simulations.summary import Summary
from tests.simulations.deployed_folders import FAULTS, make_deployed_folder
from tests.simulations.run_folders import make_run_folder
from tests.simulations.tiny import read_lines


@pytest.fixture
def folder(tmp_path):
    """A run that missed its quorum; nobody has written what it came to."""
    return make_deployed_folder(tmp_path / "run", faults=FAULTS, rounds=6)


def _report(folder):
    return CliRunner().invoke(cli.app, ["report", str(folder.root)])


def _read(folder):
    return Summary.from_json(folder.summary.read_text())


def test_a_run_that_failed_gets_summary_card_and_page(folder):
    """From what the coordinator has; the reason of the end is on the page."""
    assert not folder.summary.exists()

    result = _report(folder)

    assert result.exit_code == 0, result.output
    assert _read(folder).rounds == len(read_lines(folder.root)) < 6
    assert folder.model_card.exists()
    assert "The run ended after round" in folder.report.read_text()


def test_figures_of_fewer_rounds_are_written_again(folder):
    """And the names of those who never came are kept: only the deployment has them."""
    refresh_results(folder)
    whole = _read(folder)
    folder.summary.write_text(
        replace(whole, rounds=1, never_came=("ward-9",)).to_json()
    )

    refresh_results(folder)

    assert _read(folder) == replace(whole, never_came=("ward-9",))


def test_figures_of_all_rounds_are_left_as_they_are(folder):
    """No transfer set has to be there to look at a run again."""
    refresh_results(folder)
    before = folder.summary.stat()

    refresh_results(folder)

    assert folder.summary.stat().st_mtime_ns == before.st_mtime_ns


def test_a_simulation_is_never_summed_up_anew(tmp_path):
    """Its figures come from the sites' students, which its files do not say."""
    folder = make_run_folder(tmp_path)
    config = folder.config.read_text()
    folder.config.write_text(config.replace('engine = "inline"', 'engine = "flower"'))
    assert 'engine = "flower"' in folder.config.read_text()
    before = folder.summary.read_bytes()
    folder.metrics.write_text(folder.metrics.read_text().splitlines()[0] + "\n")

    refresh_results(folder)

    assert folder.summary.read_bytes() == before


def test_a_run_without_a_round_is_one_line(folder):
    """No summary and no page are left behind."""
    for path in folder.checkpoint.iterdir():
        path.unlink()

    result = _report(folder)

    assert isinstance(result.exception, DataError)
    assert "has no finished round" in str(result.exception)
    assert not folder.summary.exists()
    assert not folder.report.exists()


def test_a_summary_that_is_no_text_is_one_line(folder):
    """It may be a simulation's, so nothing is written over it."""
    folder.summary.write_bytes(b"\xff\xfe")

    with pytest.raises(DataError, match="not UTF-8 text"):
        refresh_results(folder)

    assert folder.summary.read_bytes() == b"\xff\xfe"


def test_a_page_of_a_run_under_way_does_not_say_that_it_ended(folder):
    """Whoever looks in the middle is told that it is the middle."""
    values = json.loads(folder.outcome.read_text())
    folder.outcome.write_text(json.dumps({**values, "state": "running", "error": ""}))

    _report(folder)

    page = folder.report.read_text()
    assert "when this page was written" in page
    assert "The run ended" not in page


def test_what_is_no_run_folder_is_told_by_the_report(tmp_path):
    """The refresh keeps out of it."""
    refresh_results(RunFolder(tmp_path))

    assert list(tmp_path.iterdir()) == []
