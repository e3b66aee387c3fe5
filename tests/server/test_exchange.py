"""Messages go out once, answers find their node, and nobody waits for ever."""

from __future__ import annotations

import pytest
from flwr.app import Error

from common.envelope import Envelope, MessageKind
from common.records import serialised_size, to_record
from server.exchange import Exchange
from server.replies import Fault, RejectionReason
from server.traffic import Traffic
from tests.server.fake_grid import SILENT, FakeClock, FakeGrid, Node, Slow

ROUND = Envelope(kind=MessageKind.ROUND, fields={"round_number": 1})
BIG_NODE_ID = 2**64 - 5  # Flower's ids are unsigned


def echo(request: Envelope) -> Envelope:
    return request


def exchange_with(nodes: dict[int, Node]) -> tuple[Exchange, FakeGrid, FakeClock]:
    clock = FakeClock()
    grid = FakeGrid(nodes, clock)
    return Exchange(grid, clock=clock.now, sleep=clock.sleep), grid, clock


def test_answers_belong_to_whom_the_message_was_sent() -> None:
    """Errors come in the SuperLink's name and are mapped by message id."""
    exchange, _, _ = exchange_with({1: echo, BIG_NODE_ID: lambda _: Error(5, "gone")})

    arrivals = exchange.ask(
        {1: ROUND, BIG_NODE_ID: ROUND}, deadline=10.0, max_bytes=1000
    )

    assert isinstance(arrivals[1].answer, Envelope)
    fault = arrivals[BIG_NODE_ID].answer
    assert isinstance(fault, Fault)
    assert fault.reason is RejectionReason.SITE_UNAVAILABLE


def test_does_not_wait_once_all_have_answered() -> None:
    """A round with quick sites takes no longer than they do."""
    exchange, _, clock = exchange_with({1: echo, 2: Slow(echo, 3.0)})
    started = clock.seconds

    arrivals = exchange.ask({1: ROUND, 2: ROUND}, deadline=60.0, max_bytes=1000)

    assert sorted(arrivals) == [1, 2]
    assert 3.0 <= clock.seconds - started <= 4.0


def test_waits_until_the_deadline_for_a_silent_node() -> None:
    """A silent node is missing from the answers, and the others are there."""
    exchange, _, clock = exchange_with({1: echo, 2: lambda _: SILENT})
    started = clock.seconds

    arrivals = exchange.ask({1: ROUND, 2: ROUND}, deadline=60.0, max_bytes=1000)

    assert sorted(arrivals) == [1]
    assert clock.seconds - started == pytest.approx(60.0, abs=0.1)


def test_a_node_is_busy_until_its_message_has_expired() -> None:
    """A node with an unanswered message is sent nothing more while that lives."""
    exchange, _, clock = exchange_with({1: lambda _: SILENT})

    exchange.ask({1: ROUND}, deadline=30.0, ttl=100.0, max_bytes=1000)

    assert exchange.busy() == {1}
    with pytest.raises(ValueError, match="Expected idle nodes, 1 still have a message"):
        exchange.post({1: ROUND}, ttl=10.0, group="")
    clock.seconds += 71.0
    assert exchange.busy() == frozenset()


def test_a_late_answer_frees_its_node_and_is_no_answer_to_others() -> None:
    """The answer to an earlier message is not taken for one to this round."""
    exchange, grid, _ = exchange_with({1: Slow(echo, 45.0), 2: Slow(echo, 50.0)})
    exchange.ask({1: ROUND}, deadline=30.0, ttl=100.0, max_bytes=1000)

    arrivals = exchange.ask({2: ROUND}, deadline=60.0, max_bytes=1000)

    assert sorted(arrivals) == [2]
    assert exchange.busy() == frozenset()
    assert len(grid.requests) == 2


def test_a_message_that_could_not_be_pushed_is_a_silent_node() -> None:
    """A node that Flower could not reach holds nobody up, and costs no bytes."""
    exchange, grid, clock = exchange_with({1: echo, 2: echo})
    grid.unpushable = {2}
    started = clock.seconds

    arrivals = exchange.ask({1: ROUND, 2: ROUND}, deadline=60.0, max_bytes=1000)

    assert sorted(arrivals) == [1]
    assert clock.seconds == started
    assert exchange.take_traffic().down == serialised_size(to_record(ROUND))


def test_counts_the_bytes_of_serialised_messages() -> None:
    """Bytes are measured on what travels, and a count is taken once."""
    size = serialised_size(to_record(ROUND))
    exchange, _, _ = exchange_with({1: echo, 2: echo})

    arrivals = exchange.ask({1: ROUND, 2: ROUND}, deadline=60.0, max_bytes=1000)

    assert [arrival.size for arrival in arrivals.values()] == [size, size]
    assert exchange.take_traffic() == Traffic(up=2 * size, down=2 * size)
    assert exchange.take_traffic() == Traffic()


def test_an_answer_above_the_limit_is_not_decoded() -> None:
    """A huge answer is a fault, whatever is inside."""
    exchange, _, _ = exchange_with({1: echo})

    arrivals = exchange.ask({1: ROUND}, deadline=60.0, max_bytes=10)

    fault = arrivals[1].answer
    assert isinstance(fault, Fault)
    assert fault.reason is RejectionReason.TOO_LARGE


def test_asking_nobody_returns_at_once() -> None:
    """No requests, no waiting."""
    exchange, _, clock = exchange_with({})
    started = clock.seconds

    assert exchange.ask({}, deadline=60.0, max_bytes=10) == {}
    assert clock.seconds == started
