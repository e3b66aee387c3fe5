"""Replies leave when their time has come, whatever the work took."""

import contextlib

import pytest

from client.custodian.hold import Hold
from client.custodian.service import Answering
from tests.client.custodian.support import (
    HELLO,
    Context,
    Fails,
    Log,
    Refuses,
    parts_of,
)

HOLD = 10.0


class Time:
    """A clock that only moves when somebody works or sleeps."""

    def __init__(self, now=1000.0):
        self.now = now

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Working:
    """A site whose work takes a while."""

    def __init__(self, time, seconds, site):
        self._time = time
        self._seconds = seconds
        self._site = site

    def answer(self, request):
        self._time.now += self._seconds
        return self._site.answer(request)


def _hold(time, seconds=HOLD):
    return Hold(seconds=seconds, clock=time.clock, sleep=time.sleep)


def _leaves_at(seconds, site):
    """When something leaves after work of some seconds."""
    time = Time()
    answering = Answering(Working(time, seconds, site), log=Log(), hold=_hold(time))
    answer = answering.answer(iter(parts_of(HELLO)), Context())
    with contextlib.suppress(RuntimeError):  # of the context's abort
        next(answer)
    return time.now - 1000.0


@pytest.mark.parametrize("site", [Refuses(), Fails()], ids=["refusal", "failure"])
@pytest.mark.parametrize(
    ("work", "expected"), [(0.0, 10.0), (3.0, 10.0), (10.0, 10.0), (10.5, 20.0)]
)
def test_whatever_leaves_is_held(work, expected, site):
    """Ten seconds after the request, or at the next multiple of ten."""
    left = _leaves_at(work, site)

    assert left == expected, f"Rule 9: it left after {left} s, expected {expected}."


def test_without_a_hold_nothing_waits():
    """A reply leaves at once."""
    time = Time()

    _hold(time, seconds=0.0).wait(time.now - 3)

    assert time.now == 1000.0


def test_a_busy_refusal_is_held_too():
    """When it comes says nothing about the request that is in the way."""
    time = Time()
    log = Log()
    answering = Answering(Refuses(), log=log, hold=_hold(time), turn_seconds=0.0)
    answering._turn.acquire()

    list(answering.answer(iter(parts_of(HELLO)), Context()))

    assert log.reasons == ["busy"]
    left = time.now - 1000.0
    assert left == HOLD, f"Rule 9: it left after {left} s, expected {HOLD}."


def test_the_next_request_waits_for_the_hold():
    """When a second request is answered does not tell when the first one was done."""
    time = Time()
    turns = []

    def sleep(seconds):
        turns.append(answering._turn.locked())
        time.sleep(seconds)

    hold = Hold(seconds=HOLD, clock=time.clock, sleep=sleep)
    answering = Answering(Refuses(), log=Log(), hold=hold)

    list(answering.answer(iter(parts_of(HELLO)), Context()))

    assert turns == [True], "Rule 9: the turn ended before the reply could leave."


def test_a_negative_hold_is_refused():
    """The error names the value."""
    with pytest.raises(ValueError, match="hold_seconds"):
        Hold(seconds=-1.0)
