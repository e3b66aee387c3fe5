"""What a person watches while a federation runs."""

import io
import json

import pytest
from rich.console import Console

from simulations.progress import round_line, showing_progress
from simulations.rounds import round_figures
from tests.simulations.run_folders import make_lines


def _rounds(**options):
    return [round_figures(line) for line in make_lines(**options)]


def test_a_round_is_a_line_with_accuracy_epsilon_and_bytes():
    """The line says what the round came to and what it cost."""
    assert round_line(_rounds()[0], rounds=10).plain == (
        "round  1/10  accuracy  42.0%  epsilon 1.21  up 163 kB  down 157 kB  "
        "10/10 sites"
    )


def test_a_round_tells_of_rejected_and_silent_sites():
    """Who was rejected, why, and how many did not answer."""
    line = round_line(_rounds(faults=True)[2], rounds=10).plain

    assert line.endswith(
        "7/10 sites  site-03 rejected: rows off the simplex  site-07 rejected: not "
        "finite  1 silent"
    )


def test_a_round_names_who_was_missed_and_leaves_out_what_was_not_measured():
    """Sites by name where they are known; no accuracy, and no word for none."""
    round_ = json.loads(make_lines()[0]) | {
        "silent": 1,
        "global_student": {"test_accuracy": None, "validation_accuracy": None},
        "absences": [
            {"site": "north", "reason": "silent"},
            {"site": "south", "reason": "not-connected"},
        ],
    }

    line = round_line(round_figures(json.dumps(round_)), rounds=10).plain

    assert line == (
        "round  1/10  epsilon 1.21  up 163 kB  down 157 kB  10/10 sites  north silent  "
        "south not connected"
    )


def test_a_round_tells_of_ended_budgets():
    """Sites that went on without private training are counted."""
    line = round_line(_rounds(exhausted_at=4)[3], rounds=10).plain

    assert line.endswith("10/10 sites  budget ended at 10 sites")


def test_a_round_without_privacy_says_infinite():
    """An infinite epsilon is a word."""
    assert "epsilon infinite" in round_line(_rounds(is_private=False)[0], rounds=1)


def test_a_log_gets_plain_lines():
    """Without a terminal there is a line per stage and round, and no control code."""
    console = Console(file=io.StringIO(), width=40)

    with showing_progress(console, rounds=10) as progress:
        progress.on_stage("federation")
        for figures in _rounds():
            progress.show_round(figures)
        progress.on_stage("report")

    lines = console.file.getvalue().splitlines()
    assert len(lines) == 12
    assert (lines[0], lines[-1]) == ("federation", "report")
    assert "\x1b" not in console.file.getvalue()


def test_a_terminal_gets_a_bar_that_follows_the_rounds():
    """The bar shows the stage and how many rounds are done."""
    console = Console(file=io.StringIO(), force_terminal=True, width=120)

    with showing_progress(console, rounds=10) as progress:
        progress.on_stage("federation")
        progress.show_round(_rounds()[6])

    text = console.file.getvalue()
    assert "round  7/10" in text
    assert "7/10" in text.split("round  7/10")[1]
    assert "federation" in text


def test_the_bar_is_taken_down_after_a_fault():
    """An error leaves the cursor visible, as it was."""
    console = Console(file=io.StringIO(), force_terminal=True, width=120)

    def run():
        with showing_progress(console, rounds=1) as progress:
            progress.on_stage("federation")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run()
    text = console.file.getvalue()
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0
