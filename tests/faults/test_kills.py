"""A custodian killed at any of its steps: nothing is lost, doubled or let out free."""

import pytest

from tests.faults.dialogue import PLANS, whole_run
from tests.faults.drive import assert_nothing_is_lost, play
from tests.faults.place import new_place
from tests.faults.processes import CustodianProcess
from tests.faults.steps import ATTEMPTS, VISITS, kill_at, unvisited, with_mechanisms

pytestmark = pytest.mark.fault


def test_every_step_is_tried():
    """No step of a custodian escapes, and there are at least twelve."""
    assert unvisited() == set()
    assert len(VISITS) >= 12


def kills():
    """Every step ten times with each mechanism, and once in the short form."""
    for once in with_mechanisms(VISITS):
        for attempt in range(ATTEMPTS):
            marks = once.marks if attempt == 0 else pytest.mark.long
            yield pytest.param(*once.values, attempt, marks=marks)


@pytest.mark.parametrize(("step", "mechanism", "attempt"), list(kills()))
def test_a_kill_at_a_step_changes_nothing(
    step, mechanism, attempt, zygote, undisturbed
):
    """Killed at a named step and asked again, a custodian ends in the same bytes."""
    expected = undisturbed(mechanism, attempt)
    with new_place() as place:
        custodian = CustodianProcess(zygote, place, seed=attempt)
        custodian.start(failpoint=kill_at(step, attempt))

        seen = play(custodian, whole_run(expected.plan))

        if custodian.kills == 0:
            custodian.is_dead()  # it may die just after its last reply came
        assert custodian.kills == 1, f"step {step} was never reached"
        assert_nothing_is_lost(custodian, seen, expected)


@pytest.mark.parametrize("mechanism", PLANS)
def test_a_kill_before_every_request_changes_nothing(mechanism, custodian, undisturbed):
    """A custodian that is another process for each request ends in the same bytes."""
    expected = undisturbed(mechanism, 0)

    def restart(_):
        custodian.kill()
        custodian.start()

    seen = play(custodian, whole_run(expected.plan), before=restart)

    assert custodian.kills == len(seen.requests) - 1
    assert_nothing_is_lost(custodian, seen, expected)
