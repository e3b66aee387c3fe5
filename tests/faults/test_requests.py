"""Requests that come twice, late, in the wrong order or in part: one charge, one reply.

Whatever a client does to its own requests, the custodian charges a round once and
answers it once; asked properly, it gives the bytes that an undisturbed run gives.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from common.envelope import Envelope, MessageKind
from tests.client.support import reason_of
from tests.faults.dialogue import PLANS, next_round, until_agreed, whole_run
from tests.faults.drive import Seen, assert_nothing_is_lost, broken, play
from tests.faults.hooks import Hooks
from tests.faults.invariants import LedgerRows
from tests.faults.place import socket_of, store_of
from tests.faults.steps import with_mechanisms
from tests.faults.wire import ask, calling, parts_of

pytestmark = pytest.mark.fault

TIMES = 4
PAUSE = 0.4
GIVES_UP = 0.1
AT = "site.after-reserve"


def entries_of(custodian):
    """The ledger as another process sees it."""
    return len(LedgerRows.of(store_of(custodian.place)).rows)


@pytest.mark.parametrize("mechanism", PLANS)
def test_repeated_requests_get_the_same_bytes(mechanism, custodian, undisturbed):
    """Each request three times in a row: the first reply, three times."""
    expected = undisturbed(mechanism, 0)
    custodian.start()
    seen = Seen()

    for request, reply in zip(
        expected.seen.requests, expected.seen.replies, strict=True
    ):
        found = [ask(socket_of(custodian.place), request) for _ in range(3)]
        if request.kind is MessageKind.TRANSFER:
            seen.replies.append(found[0])
            continue
        seen.replies += found
        if not _is_first_hello(reply):
            assert set(found) == {reply}

    assert broken(custodian, seen, expected.ending) == []


def _is_first_hello(reply):
    return Envelope.from_bytes(reply).fields.get("has_transfer_set") is False


@pytest.mark.parametrize("mechanism", PLANS)
def test_concurrent_requests_get_the_same_bytes_or_wait(
    mechanism, custodian, undisturbed
):
    """Each request four times at once: the same bytes, or that the site is busy."""
    expected = undisturbed(mechanism, 0)
    custodian.start()
    seen = Seen()
    answers = busy = 0

    with ThreadPoolExecutor(TIMES) as threads:
        for request, reply in zip(
            expected.seen.requests, expected.seen.replies, strict=True
        ):
            barrier = threading.Barrier(TIMES)

            def ask_at_once(request=request, barrier=barrier):
                barrier.wait()
                return _ask_or_none(custodian, request)

            found = [
                one.result()
                for one in [threads.submit(ask_at_once) for _ in range(TIMES)]
            ]
            proper = [one for one in found if one is not None and not _is_busy(one)]
            answers += len(proper)
            busy += TIMES - len(proper)
            if request.kind is not MessageKind.TRANSFER:
                assert set(proper) <= {reply}
            seen.replies += proper
            seen.replies.append(ask(socket_of(custodian.place), request))

    assert answers + busy == TIMES * len(expected.seen.requests)
    assert broken(custodian, seen, expected.ending) == []


def _is_busy(reply):
    return reason_of(Envelope.from_bytes(reply)) == "busy"


def _ask_or_none(custodian, request):
    try:
        return ask(socket_of(custodian.place), request)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return None


@pytest.mark.parametrize(("is_restarted", "mechanism"), with_mechanisms([False, True]))
def test_a_replay_after_the_end_is_no_second_run(
    is_restarted, mechanism, custodian, undisturbed
):
    """All requests once more after the finish: the old replies, and no new entry."""
    expected = undisturbed(mechanism, 0)
    custodian.start()
    seen = play(custodian, whole_run(expected.plan))
    if is_restarted:
        custodian.kill()
        custodian.start()
    before = entries_of(custodian)

    again = [ask(socket_of(custodian.place), one) for one in seen.requests]

    assert entries_of(custodian) == before
    for old, new in zip(seen.replies, again, strict=True):
        if Envelope.from_bytes(old).kind in {MessageKind.ROUND, MessageKind.FINISH}:
            assert old == new
    assert broken(custodian, Seen(replies=seen.replies + again), expected.ending) == []


@pytest.mark.parametrize("mechanism", PLANS)
def test_a_round_that_comes_too_late_is_refused(mechanism, custodian):
    """Round 3 before round 2: round 2 is not worked on any more, nor charged."""
    plan = PLANS[mechanism]()
    custodian.start()
    seen = play(custodian, _agreement(plan))

    for number in (1, 3, 2, 1, 2):
        request = next_round(number, None, 0)
        seen.replies.append(ask(socket_of(custodian.place), request))

    reasons = [reason_of(Envelope.from_bytes(one)) for one in seen.replies[-5:]]
    assert reasons == [None, None, "reply-purged", None, "reply-purged"]
    assert seen.replies[-2] == seen.replies[-5]
    assert broken(custodian, seen, None) == []
    charged = LedgerRows.of(store_of(custodian.place)).charges()
    assert [number for number, _ in charged] == [1, 3]


def _agreement(plan):
    yield from until_agreed(plan)


@pytest.mark.parametrize(
    ("leave", "mechanism"), with_mechanisms(["deadline", "cancel", "vanish"])
)
def test_a_client_that_left_finds_its_reply_later(
    leave, mechanism, custodian, undisturbed
):
    """The work goes on without the client, and a retry gets the same bytes."""
    expected = undisturbed(mechanism, 0)
    custodian.start(failpoint=f"{AT}:2", hooks=Hooks(pause=PAUSE))
    left = []

    def leave_once(request):
        if request.fields.get("round_number") == 2:
            left.append(_leave(custodian, request, leave))

    seen = play(custodian, whole_run(expected.plan), before=leave_once)

    assert left == [True]
    assert_nothing_is_lost(custodian, seen, expected)


def _leave(custodian, request, how):
    """Asks and does not wait for the answer; returns whether none came."""
    with calling(socket_of(custodian.place)) as call:
        if how == "deadline":
            stream = call(iter(parts_of(request)), timeout=GIVES_UP)
            with pytest.raises(grpc.RpcError) as gone:
                list(stream)
            return gone.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        stream = call(iter(parts_of(request)), timeout=20)
        time.sleep(GIVES_UP)  # the request is there, the answer is not
        if how == "cancel":
            stream.cancel()
    return True


@pytest.mark.parametrize(("sent", "mechanism"), with_mechanisms([1, 2]))
def test_a_request_cut_off_midway_is_none(sent, mechanism, custodian, undisturbed):
    """Some parts of three and then nothing: not charged, and the next is answered."""
    expected = undisturbed(mechanism, 0)
    custodian.start()

    def cut_off(request):
        before = entries_of(custodian)
        _send_some(custodian, request, sent)
        assert entries_of(custodian) == before

    seen = play(custodian, whole_run(expected.plan), before=cut_off)

    assert_nothing_is_lost(custodian, seen, expected)


def _send_some(custodian, request, sent):
    """Sends some parts, waits until they must be there, and cancels."""
    holding = threading.Event()

    def some():
        yield from parts_of(request)[:sent]
        holding.wait(20)

    with calling(socket_of(custodian.place)) as call:
        stream = call(some(), timeout=20)
        time.sleep(0.02)
        stream.cancel()
        holding.set()


@pytest.mark.parametrize("mechanism", PLANS)
def test_a_reply_cut_off_midway_comes_again(mechanism, custodian, undisturbed):
    """A client that reads one part and leaves gets the whole reply when it asks."""
    expected = undisturbed(mechanism, 0)
    custodian.start()

    def read_one_part(request):
        if request.kind is MessageKind.ROUND:
            with calling(socket_of(custodian.place)) as call:
                stream = call(iter(parts_of(request)), timeout=20)
                assert next(stream).content
                stream.cancel()

    seen = play(custodian, whole_run(expected.plan), before=read_one_part)

    assert_nothing_is_lost(custodian, seen, expected)
