"""What a reader of the report must not overlook."""

from dataclasses import replace

import pytest

from server.outcome import Outcome, RunState
from simulations.report.notices import notices
from simulations.rounds import round_figures
from tests.simulations.run_folders import (
    make_deployed_summary,
    make_lines,
    make_summary,
)


def _notices(summary, *, planned=10, outcome=None, **options):
    metrics = [round_figures(line) for line in make_lines(**options)]
    return notices(metrics, summary, planned=planned, outcome=outcome)


def test_a_smooth_run_has_none():
    """Of either kind."""
    done = Outcome(state=RunState.COMPLETED, exit_code=0)

    assert _notices(make_summary()) == ()
    assert _notices(make_deployed_summary(), outcome=done) == ()


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.INTERRUPTED])
def test_an_early_end_is_told_with_its_reason_and_what_epsilon_counts(state):
    """The reason is the run's own."""
    outcome = Outcome(state=state, exit_code=1, error="The disk is full.")

    (notice,) = _notices(make_deployed_summary(), planned=12, outcome=outcome)

    assert notice == (
        "The run ended after round 10 of 12: The disk is full. What is here is what "
        "there was. Epsilon counts one round more, in which the sites may have been "
        "asked."
    )


def test_an_early_end_without_privacy_speaks_of_no_epsilon():
    """There is none."""
    outcome = Outcome(state=RunState.FAILED, exit_code=1)
    summary = make_deployed_summary(is_private=False)

    (notice,) = _notices(summary, planned=12, outcome=outcome)

    assert notice == (
        "The run ended after round 10 of 12: it was cut off. What is here is what "
        "there was."
    )


def test_a_run_under_way_has_not_ended():
    """And is told how to get a later page."""
    (notice,) = _notices(
        make_deployed_summary(), planned=12, outcome=Outcome(state=RunState.RUNNING)
    )

    assert notice.startswith("The run had finished round 10 of 12 when this page")
    assert "ended after" not in notice
    assert "`fedstill report`" in notice


def test_accuracy_that_was_not_measured_has_a_key():
    """Which one to set."""
    (notice,) = _notices(make_deployed_summary(accuracy=None))

    assert notice.startswith("Accuracy was not measured")
    assert "[evaluation] path" in notice


def test_ended_budgets_and_unspent_ones_are_told():
    """As in a simulation."""
    unspent = replace(make_summary().privacy, max_epsilon=0.0, sum_epsilon=0.0)

    told = _notices(replace(make_summary(), privacy=unspent), exhausted_at=4)

    assert told[0].startswith("The privacy budget of 10 sites had ended by round 4")
    assert told[1].startswith("No site spent anything")
