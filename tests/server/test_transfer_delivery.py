"""A site without the transfer set gets it, and holds nobody up while it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common.envelope import Envelope, MessageKind
from common.errors import QuorumMissedError, RefusedBySitesError
from common.messages import HelloReply, Refusal, RefusalReason
from common.run_plan import RunPlan
from common.transfer_messages import TransferChunk, TransferProgress
from server import transfer_delivery
from server.exchange import Exchange
from server.planning import make_run_plan
from server.roll_call import LATE_HELLO_SECONDS, RollCall
from tests.server.fake_grid import FakeClock, FakeGrid, Node, Slow
from tests.server.sites import HonestSite, small_config, small_parts

SET = small_parts().transfer
PLAN = make_run_plan(small_config(), SET, num_classes=3)
ROUND = Envelope(kind=MessageKind.ROUND, fields={"run_id": "another"})
ROWS = 16  # of 40: three chunks


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    size = ROWS * SET.inputs[0].nbytes
    monkeypatch.setattr(transfer_delivery, "CHUNK_BYTES", size)


class SiteWithoutSet(HonestSite):
    """Takes rows in order; agrees to nothing before it has all of them."""

    def __init__(self, name: str, *, rows: int = 0) -> None:
        super().__init__(name)
        self.received = [*SET.inputs[:rows]]

    def __call__(self, request: Envelope) -> Envelope:
        if request.kind is not MessageKind.TRANSFER:
            return super().__call__(request)
        self.requests.append(request)
        return self.take(TransferChunk.from_envelope(request)).to_envelope()

    def take(self, chunk: TransferChunk) -> TransferProgress:
        assert chunk.first_row <= len(self.received)
        self.received[chunk.first_row : chunk.end] = chunk.inputs
        return TransferProgress(
            transfer_set_id=chunk.transfer_set_id,
            next_row=len(self.received),
            is_complete=len(self.received) == chunk.num_rows,
        )

    def hello(self, plan: RunPlan) -> HelloReply:
        reply = super().hello(plan)
        if len(self.received) == len(SET):
            return reply
        return replace(reply, has_transfer_set=False, epsilon=0.0, rounds=0)

    @property
    def chunks(self) -> list[int]:
        chunks = [one for one in self.requests if one.kind is MessageKind.TRANSFER]
        return [TransferChunk.from_envelope(one).first_row for one in chunks]


def roll_call_of(nodes: dict[int, Node]) -> tuple[RollCall, FakeGrid, FakeClock]:
    clock = FakeClock()
    grid = FakeGrid(nodes, clock)
    exchange = Exchange(grid, clock=clock.now, sleep=clock.sleep)
    return RollCall(exchange, PLAN, SET, deadline=60.0), grid, clock


def test_a_site_without_the_set_gets_it_and_takes_part() -> None:
    """Chunks in order, then hello again."""
    site = SiteWithoutSet("b")
    roll_call, grid, _ = roll_call_of({1: HonestSite("a"), 2: site})

    roll_call.gather(sites=2)

    assert list(roll_call.members) == ["a", "b"]
    assert roll_call.members["b"].hello.rounds == PLAN.rounds
    np.testing.assert_array_equal(np.array(site.received), SET.inputs)
    assert site.chunks == [0, 16, 32]
    traffic = roll_call._exchange.take_traffic()
    assert (traffic.down, traffic.up) == (grid.bytes_down, grid.bytes_up)


def test_a_delivery_goes_on_where_it_was() -> None:
    """The site says which row it wants next."""
    site = SiteWithoutSet("b", rows=30)
    roll_call, _, _ = roll_call_of({2: site})

    roll_call.gather(sites=1)

    assert site.chunks == [0, 30]
    assert list(roll_call.members) == ["b"]


def test_a_late_joiner_gets_its_set_over_several_rounds() -> None:
    """What is not done in time goes on before the next round."""
    slow = SiteWithoutSet("b")
    roll_call, grid, clock = roll_call_of({1: HonestSite("a")})
    roll_call.gather(sites=1)
    grid.nodes[1] = lambda request: request
    grid.nodes[2] = Slow(slow, 20.0)

    waited = []
    for _ in range(10):
        started = clock.seconds
        roll_call.wait_for_anyone()
        waited.append(clock.seconds - started)
        clock.seconds += 30.0  # a round, which asks somebody else
        roll_call._exchange.ask({1: ROUND}, deadline=1.0, max_bytes=10**6)

    assert list(roll_call.members) == ["a", "b"]
    assert max(waited) <= LATE_HELLO_SECONDS + 1
    np.testing.assert_array_equal(np.array(slow.received), SET.inputs)


class NeverEnough(SiteWithoutSet):
    def take(self, chunk: TransferChunk) -> TransferProgress:
        return replace(super().take(chunk), next_row=0, is_complete=False)


class BeyondTheEnd(SiteWithoutSet):
    def take(self, chunk: TransferChunk) -> TransferProgress:
        return replace(super().take(chunk), next_row=41, is_complete=False)


class ClaimsTooEarly(SiteWithoutSet):
    def take(self, chunk: TransferChunk) -> TransferProgress:
        return replace(super().take(chunk), is_complete=True)


class OfAnother(SiteWithoutSet):
    def take(self, chunk: TransferChunk) -> TransferProgress:
        return replace(super().take(chunk), transfer_set_id="0" * 64)


class StillWithout(SiteWithoutSet):
    def hello(self, plan: RunPlan) -> HelloReply:
        reply = super().hello(plan)
        return replace(reply, has_transfer_set=False, epsilon=0.0, rounds=0)


class AnswersHello(SiteWithoutSet):
    def __call__(self, request: Envelope) -> Envelope:
        return self.hello(PLAN).to_envelope()


@pytest.mark.parametrize(
    ("site", "problem"),
    [
        (NeverEnough("b"), "asks for row 0 of 40 without the whole set"),
        (BeyondTheEnd("b"), "asks for row 41 of 40"),
        (ClaimsTooEarly("b"), "asks for row 16 of 40 with the whole set"),
        (OfAnother("b"), "is on another transfer set"),
        (StillWithout("b"), "lacks the transfer set that it was sent"),
        (AnswersHello("b"), "is of kind query.hello, expected query.transfer"),
    ],
)
def test_a_site_that_does_not_keep_order_is_a_fault(
    site: SiteWithoutSet, problem: str
) -> None:
    """It is named, and the server neither loops nor waits."""
    roll_call, _, clock = roll_call_of({2: site})
    started = clock.seconds

    with pytest.raises(QuorumMissedError, match=problem):
        roll_call.gather(sites=1)

    assert clock.seconds - started < 5.0


def test_a_site_that_refuses_the_set_is_a_refusal() -> None:
    """What the owner does not allow stays so."""

    class Refusing(SiteWithoutSet):
        def __call__(self, request: Envelope) -> Envelope:
            if request.kind is MessageKind.HELLO:
                return super().__call__(request)
            return Refusal(
                kind=request.kind,
                site_name=self.name,
                reason=RefusalReason.TRANSFER_SET_MISMATCH,
            ).to_envelope()

    roll_call, _, _ = roll_call_of({2: Refusing("b")})

    with pytest.raises(RefusedBySitesError, match="transfer-set-mismatch"):
        roll_call.gather(sites=1)


def test_a_delivery_that_stalls_holds_the_start_up_for_a_bounded_time() -> None:
    """Waiting ends, whatever a site does."""
    roll_call, _, clock = roll_call_of(
        {1: HonestSite("a"), 2: Slow(SiteWithoutSet("b"), 59.0)}
    )
    started = clock.seconds

    roll_call.gather(sites=2)

    assert "a" in roll_call.members
    assert clock.seconds - started <= 60.0 + 3 * LATE_HELLO_SECONDS + 1


def test_a_busy_site_is_asked_again_before_the_next_round() -> None:
    """Busy says nothing about the plan."""

    class Busy(HonestSite):
        def __call__(self, request: Envelope) -> Envelope:
            if self.requests:
                return super().__call__(request)
            self.requests.append(request)
            return Refusal(
                kind=request.kind, site_name=self.name, reason=RefusalReason.BUSY
            ).to_envelope()

    roll_call, _, _ = roll_call_of({1: HonestSite("a"), 2: Busy("b")})
    roll_call.gather(sites=2)
    assert list(roll_call.members) == ["a"]

    assert list(roll_call.wait_for_anyone()) == ["a", "b"]
