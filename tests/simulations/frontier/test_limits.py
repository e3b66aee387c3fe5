"""What is written about the limits."""

import pytest

from common.errors import DataError
from simulations.frontier import limits
from simulations.frontier.limits_content import limits_text
from simulations.frontier.probes import EPSILON, sections
from simulations.frontier.traffic import Traffic
from simulations.tradeoff.cells import Cell, CellResult, Row
from tests.simulations.frontier.made import ENVIRONMENT

SECTIONS = sections("/tmp/other.safetensors")


def _row(seed, accuracy):
    cell = Cell(
        method="federation",
        mechanism="dp-head",
        rule="log-opinion-pool",
        partition="iid",
        epsilon=EPSILON,
        seed=seed,
    )
    if accuracy is None:
        return Row(cell=cell, delta=1e-5, error="fell asleep")
    result = CellResult(test_accuracy=accuracy, epsilon_spent=1.0, seconds=20.0)
    return Row(cell=cell, delta=1e-5, result=result)


def _rows(**accuracies):
    """Every probe at 88%, but for some; two underscores stand for a dash."""
    changed = {name.replace("_", "-"): value for name, value in accuracies.items()}
    names = {probe.name for section in SECTIONS for probe in section.probes}
    return {
        name: tuple(
            _row(seed, None if value is None else value + seed / 1000 - 0.002)
            for seed in (1, 2, 3)
            for value in (changed.get(name, 0.88),)
        )
        for name in sorted(names)
    }


def _text(tmp_path, rows, *, reply=3400.0):
    environment = tmp_path / "environment.json"
    environment.write_text(ENVIRONMENT)
    traffic = {"bytes-300-8": Traffic(reply=reply, fedavg=85_000.0)}
    return limits_text(
        SECTIONS, rows, traffic=traffic, environment=environment, command="the command"
    )


def test_a_row_has_accuracy_difference_and_meaning(tmp_path):
    """Against the first row of its section."""
    text = _text(tmp_path, _rows(other_world=0.5, sites_30=0.87))

    assert "| 9,000 images of clothes | 88.0 ± 0.1 | \N{EN DASH} |" in text
    assert "| 9,000 digits of MNIST | 50.0 ± 0.1 | \N{MINUS SIGN}38.0 |" in text
    assert "| 30 sites x 1,666 | 87.0 ± 0.1 | \N{MINUS SIGN}1.0 | the same" in text
    assert "3 seeds" in text
    assert "60 runs took 0 h 20 min" in text
    assert "`the command`" in text


@pytest.mark.parametrize(
    ("accuracy", "reply", "expected"),
    [
        (0.875, 3400.0, ("0.50 points below", "25.0 times", 0)),
        (0.8749, 3400.0, ("0.51 points below", "25.0 times", 1)),
        (0.875, 3401.0, ("0.50 points below", "25.0 times", 1)),
        (0.88, 5000.0, ("0.00 points below", "17.0 times", 1)),
    ],
)
def test_the_claims_about_bytes_are_held_against_what_was_measured(
    tmp_path, accuracy, reply, expected
):
    """Exactly half a point and exactly 25 times are enough; no rounding helps."""
    text = _text(tmp_path, _rows(bytes_300_8=accuracy), reply=reply)

    loss, times, missed = expected
    (line,) = [one for one in text.splitlines() if "300 labels at 8 bits" in one]
    assert loss in line
    assert times in line
    assert line.count("**not met**") == missed


def test_failed_runs_are_told_and_nothing_is_claimed_of_them(tmp_path):
    """A dash in the table, a line below."""
    text = _text(tmp_path, _rows(bytes_300_8=None))

    assert "was not measured" in text
    assert "- bytes-300-8, seed 2: fell asleep" in text
    assert "57 runs" not in text


def test_the_command_wants_both_data_sets_before_it_runs(tmp_path):
    """A missing one is told by name, nothing is left behind."""
    page = tmp_path / "page.md"
    page.write_text("<!-- limits:begin -->\n<!-- limits:end -->\n")

    with pytest.raises(DataError, match="must hold the folder mnist"):
        limits.main([str(tmp_path), f"--page={page}", f"--output={tmp_path / 'out'}"])

    assert not (tmp_path / "out").exists()
