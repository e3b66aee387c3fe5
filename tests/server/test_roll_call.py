"""A run starts with those who say yes, and goes on with those who come later."""

from __future__ import annotations

import pytest
from flwr.app import Error

from common.envelope import MessageKind
from common.errors import QuorumMissedError, RefusedBySitesError
from server.exchange import Exchange
from server.planning import make_run_plan
from server.roll_call import RollCall
from tests.server.fake_grid import SILENT, FakeClock, FakeGrid, Node, Slow
from tests.server.sites import HonestSite, RefusingSite, small_config, small_parts

PLAN = make_run_plan(small_config(), small_parts().transfer, num_classes=3)


def roll_call_of(nodes: dict[int, Node]) -> tuple[RollCall, FakeGrid, FakeClock]:
    clock = FakeClock()
    grid = FakeGrid(nodes, clock)
    exchange = Exchange(grid, clock=clock.now, sleep=clock.sleep)
    return RollCall(exchange, PLAN, small_parts().transfer, deadline=60.0), grid, clock


def test_starts_as_soon_as_all_sites_have_said_hello() -> None:
    """Nobody waits for a deadline that nobody needs."""
    roll_call, _, clock = roll_call_of({9: HonestSite("b"), 5: HonestSite("a")})
    started = clock.seconds

    roll_call.gather(sites=2)

    assert list(roll_call.members) == ["a", "b"]
    assert clock.seconds == started


def test_starts_at_the_deadline_with_fewer_sites() -> None:
    """A site that never comes does not stop the others."""
    roll_call, _, clock = roll_call_of({9: HonestSite("b")})
    started = clock.seconds

    roll_call.gather(sites=2)

    assert list(roll_call.members) == ["b"]
    assert clock.seconds - started == pytest.approx(60.0, abs=0.1)


def test_waits_for_a_node_that_connects_within_the_deadline() -> None:
    """Nodes may connect after the server has started."""
    roll_call, grid, clock = roll_call_of({1: HonestSite("a")})
    sleep = clock.sleep

    def sleep_and_connect(seconds: float) -> None:
        sleep(seconds)
        if clock.seconds > 1010.0:
            grid.nodes.setdefault(2, HonestSite("b"))

    roll_call._exchange._sleep = sleep_and_connect

    roll_call.gather(sites=2)

    assert list(roll_call.members) == ["a", "b"]
    assert 1010.0 < clock.seconds < 1012.0


def test_does_not_wait_for_a_site_that_refused() -> None:
    """A no is an answer too."""
    roll_call, _, clock = roll_call_of({1: HonestSite("a"), 2: RefusingSite("b")})
    started = clock.seconds

    roll_call.gather(sites=2)

    assert list(roll_call.members) == ["a"]
    assert clock.seconds == started


def test_refused_by_all_is_an_error_of_its_own() -> None:
    """Every site said no: refused in a valid config, exit code 3."""
    roll_call, _, _ = roll_call_of({1: RefusingSite("a"), 2: RefusingSite("b")})

    with pytest.raises(RefusedBySitesError) as caught:
        roll_call.gather(sites=2)

    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        "No site takes part: 2 refused. "
        "Reply of a is a refusal (plan-not-allowed). The site does not take part. "
        "Reply of b is a refusal (plan-not-allowed). The site does not take part. "
        "Nothing was trained."
    )


def test_no_site_at_all_misses_the_quorum() -> None:
    """Nobody there is a failure, not a refusal: exit code 1."""
    roll_call, _, _ = roll_call_of({})

    with pytest.raises(QuorumMissedError) as caught:
        roll_call.gather(sites=2)

    assert caught.value.exit_code == 1
    assert str(caught.value) == (
        "No site takes part: none said hello within 60 seconds. Nothing was trained."
    )


def test_a_second_site_of_the_same_name_is_rejected() -> None:
    """A site has one voice, whoever speaks for it first."""
    roll_call, _, _ = roll_call_of({1: HonestSite("a"), 2: HonestSite("a")})

    roll_call.gather(sites=2)

    assert roll_call.members["a"].node_id == 1
    assert len(roll_call.members) == 1


def test_a_site_returns_under_another_node() -> None:
    """Where the old node has gone, the new one takes the site's place."""
    roll_call, grid, _ = roll_call_of({1: HonestSite("a")})
    roll_call.gather(sites=1)
    del grid.nodes[1]
    grid.nodes[2] = HonestSite("a")

    present = roll_call.wait_for_anyone()

    assert {name: member.node_id for name, member in present.items()} == {"a": 2}


def test_a_late_node_is_said_hello_to_before_it_is_present() -> None:
    """Nodes that come later agree to the same plan first."""
    roll_call, grid, _ = roll_call_of({1: HonestSite("a")})
    roll_call.gather(sites=1)
    grid.nodes[2] = HonestSite("b")

    present = roll_call.wait_for_anyone()

    assert list(present) == ["a", "b"]
    hellos = [grid.requests_of(node, MessageKind.HELLO) for node in (1, 2)]
    assert [len(sent) for sent in hellos] == [1, 1]
    assert hellos[0][0].sha256 == hellos[1][0].sha256


def test_a_late_node_that_stays_silent_holds_up_one_round_a_little() -> None:
    """Others wait 30 seconds for it once, not at every round."""
    roll_call, grid, clock = roll_call_of({1: HonestSite("a")})
    roll_call.gather(sites=1)
    grid.nodes[2] = lambda _: SILENT
    started = clock.seconds

    roll_call.wait_for_anyone()
    first = clock.seconds - started
    roll_call.wait_for_anyone()
    second = clock.seconds - started - first

    assert first == pytest.approx(30.0, abs=0.1)
    assert second == 0.0


def test_a_node_that_failed_at_hello_gets_another_try() -> None:
    """An error may pass; a refusal stands."""
    answers = iter([Error(8, ""), Error(8, "")])
    honest = HonestSite("b")
    flaky: Node = lambda request: next(answers, None) or honest(request)  # noqa: E731
    roll_call, grid, _ = roll_call_of({1: HonestSite("a"), 2: flaky})
    grid.nodes[3] = RefusingSite("c")
    roll_call.gather(sites=3)

    first = list(roll_call.wait_for_anyone())
    second = list(roll_call.wait_for_anyone())

    assert first == ["a"]
    assert second == ["a", "b"]
    assert len(grid.requests_of(3, MessageKind.HELLO)) == 1


def test_nodes_that_have_gone_and_busy_nodes_are_not_present() -> None:
    """Only who can answer is asked."""
    nodes: dict[int, Node] = {number: HonestSite(f"s{number}") for number in (1, 2, 3)}
    roll_call, grid, _ = roll_call_of(nodes)
    roll_call.gather(sites=3)
    grid.nodes[3] = Slow(HonestSite("s3"), 100.0)
    request = grid.requests[0][1]
    roll_call._exchange.post({3: request}, ttl=200.0, group="")
    del grid.nodes[1]

    assert list(roll_call.present()) == ["s2"]


def test_waits_a_deadline_for_the_first_site_to_return() -> None:
    """A moment without any connected site does not end the run."""
    roll_call, grid, clock = roll_call_of({1: HonestSite("a")})
    roll_call.gather(sites=1)
    gone = grid.nodes.pop(1)
    sleep = clock.sleep

    def sleep_and_return(seconds: float) -> None:
        sleep(seconds)
        if clock.seconds > 1020.0:
            grid.nodes[1] = gone

    roll_call._exchange._sleep = sleep_and_return

    assert list(roll_call.wait_for_anyone()) == ["a"]
    assert 1020.0 < clock.seconds < 1022.0
