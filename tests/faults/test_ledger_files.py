"""A ledger that is set back, or that two custodians want: nobody spends on it."""

import shutil

import pytest

from common.envelope import MessageKind
from tests.faults.dialogue import PLANS, first_round, whole_run
from tests.faults.drive import assert_nothing_is_lost, broken, play
from tests.faults.place import drop_second_head
from tests.faults.processes import CustodianProcess, DidNotStartError

pytestmark = pytest.mark.fault


def is_round(request, number):
    """Whether a request asks for a round, and not for the finish after it."""
    is_of_a_round = request.kind is MessageKind.ROUND
    return is_of_a_round and request.fields["round_number"] == number


@pytest.mark.parametrize("mechanism", PLANS)
def test_an_older_copy_of_the_ledger_answers_nothing(
    mechanism, custodian, place, undisturbed
):
    """A backup of round 2 is put back in round 3: refused until the ledger is back."""
    expected = undisturbed(mechanism, 0)
    drop_second_head(place)
    state = place / "state"
    backup, newest = place / "backup", place / "newest"

    def restart_on(source):
        custodian.kill()
        shutil.rmtree(state)
        shutil.copytree(source, state)
        custodian.start()

    def set_back(request):
        if is_round(request, 2):
            custodian.kill()
            shutil.copytree(state, backup)
            custodian.start()
        if is_round(request, 3):
            custodian.kill()
            shutil.copytree(state, newest)
            restart_on(backup)

    custodian.start()
    seen = play(
        custodian,
        whole_run(expected.plan),
        before=set_back,
        mend=lambda: restart_on(newest),
    )

    assert seen.refused == ["ledger-rolled-back"]
    assert broken(custodian, seen, expected.ending) == []
    assert seen.accepted == expected.seen.replies


@pytest.mark.parametrize("mechanism", PLANS)
def test_a_second_head_starts_no_older_copy(mechanism, custodian, place, undisturbed):
    """With a second head nobody has to ask: the older copy starts no custodian."""
    expected = undisturbed(mechanism, 0)
    state, backup, newest = place / "state", place / "backup", place / "newest"
    stopped = []

    def set_back(request):
        if is_round(request, 2):
            custodian.kill()
            shutil.copytree(state, backup)
            custodian.start()
        if is_round(request, 3):
            custodian.kill()
            state.rename(newest)
            backup.rename(state)
            with pytest.raises(DidNotStartError, match="rolled back"):
                custodian.start()
            stopped.append(request)
            shutil.rmtree(state)
            newest.rename(state)
            custodian.start()

    custodian.start()
    seen = play(custodian, whole_run(expected.plan), before=set_back)

    assert len(stopped) == 1
    assert_nothing_is_lost(custodian, seen, expected)


def test_a_second_custodian_of_one_ledger_does_not_start(zygote, custodian, place):
    """The state has one custodian at a time, and the first one goes on."""
    plan = PLANS["dp-head"]()
    second = CustodianProcess(zygote, place, seed=1)

    def start_second(_):
        with pytest.raises(DidNotStartError, match="held by another custodian"):
            second.start()

    custodian.start()
    seen = play(custodian, first_round(plan), before=start_second)

    assert broken(custodian, seen, None) == []
