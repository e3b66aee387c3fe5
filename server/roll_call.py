"""Who takes part: nodes are said hello to, and answer for a site.

A node is Flower's and random; a site has a public, stable name. Nodes come and go
while a run goes on: a new one is said hello to before it is asked anything, one that
has gone is not asked, and a site that returns under another node takes its old place.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from common.envelope import Envelope
from common.errors import QuorumMissedError, RefusedBySitesError
from common.messages import HelloReply, HelloRequest, RefusalReason
from common.run_plan import RunPlan
from common.transfer_set import TransferSet
from server.absence import Absence, AbsenceReason
from server.exchange import Arrival, Exchange
from server.replies import Rejection, RejectionReason
from server.transfer_delivery import TransferDelivery
from server.validation import check_hello_reply

log = logging.getLogger("fedstill.server")

HELLO_BYTES = 64 * 1024  # an honest answer has a few hundred
# A node that joins late must not hold up the round that the others wait for; an
# honest hello takes about ten seconds in a deployment, nearly all of it Flower's.
LATE_HELLO_SECONDS = 30.0
# What a site says of itself, not of the plan: it may say otherwise a round later.
_PASSING = (
    RefusalReason.BUSY,
    RefusalReason.LEDGER_UNAVAILABLE,
    RefusalReason.INTERNAL_ERROR,
)
_SEATED = (
    RejectionReason.DUPLICATE_SITE_NAME,
    "has the name of a site that is connected already",
)
_UNSUPPLIED = (
    RejectionReason.WRONG_TRANSFER_SET,
    "lacks the transfer set that it was sent",
)
_SHOWN = 5  # refusals named in a message


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A site that takes part.

    Attributes:
        node_id: Flower's number of its node.
        hello: its checked answer.
    """

    node_id: int
    hello: HelloReply


class RollCall:
    """Says hello to nodes and remembers who takes part.

    Args:
        exchange: reaches the nodes.
        plan: what every site is asked to agree to.
        transfer_set: the plan's, for sites that lack it.
        deadline: seconds for which a hello is worth something.
    """

    def __init__(
        self,
        exchange: Exchange,
        plan: RunPlan,
        transfer_set: TransferSet,
        *,
        deadline: float,
    ) -> None:
        self._exchange = exchange
        self._plan = plan
        self._deadline = deadline
        self._delivery = TransferDelivery(transfer_set)
        self._supplied: set[int] = set()  # nodes whose delivery has ended well
        self._spoken_to: set[int] = set()  # nodes whose next answer is to us
        self._hello = HelloRequest(plan=plan).to_envelope()
        self._members: dict[str, Member] = {}
        self._refusals: dict[int, Rejection] = {}
        self._faults: dict[int, Rejection] = {}

    @property
    def members(self) -> Mapping[str, Member]:
        """The sites that take part, connected or not, by site name."""
        return dict(sorted(self._members.items()))

    def gather(self, *, sites: int) -> None:
        """Waits until ``sites`` sites have answered or the deadline passes.

        A refusal is an answer too: there is no point in waiting for a site that has
        said no.

        Args:
            sites: number of sites that the run is planned for.

        Raises:
            RefusedBySitesError: sites answered, and none takes part.
            QuorumMissedError: no site answered.
        """
        started = self._exchange.now()
        until = started + self._deadline
        # A first delivery takes as long as its chunks do; a site that stalls does not.
        latest = until + self._delivery.num_chunks * LATE_HELLO_SECONDS
        while True:
            self._talk(self._new_nodes())
            now = self._exchange.now()
            wait_until = latest if self._is_delivering() else until
            if self._num_answered() >= sites or now >= wait_until:
                break
            self._exchange.pause(wait_until)
        if not self._members:
            raise self._nobody()

    def present(self) -> dict[str, Member]:
        """Returns the members that can be asked now, by site name."""
        free = self._exchange.node_ids() - self._exchange.busy()
        return {
            name: member
            for name, member in self.members.items()
            if member.node_id in free
        }

    def turned_away(self) -> tuple[Rejection, ...]:
        """Returns why nodes that are connected do not take part, by site name."""
        said = (*self._refusals.values(), *self._faults.values())
        return tuple(sorted(said, key=lambda one: one.site_name))

    def absent(
        self, present: Collection[str], *, asked_before: Collection[str]
    ) -> tuple[Absence, ...]:
        """Returns the sites of the run that cannot be asked, and why.

        Args:
            present: names of those that can.
            asked_before: names of the sites that were asked in this run, before the
                server went down too; who of them is not back is no member yet.
        """
        turned_away = {one.site_name for one in self.turned_away()}
        missed = {*self._members, *asked_before} - {*present} - turned_away
        connected = self._exchange.node_ids()
        busy = {n for n, one in self._members.items() if one.node_id in connected}
        return tuple(
            Absence(
                site_name=name,
                reason=AbsenceReason.BUSY
                if name in busy
                else AbsenceReason.NOT_CONNECTED,
            )
            for name in sorted(missed)
        )

    def wait_for_anyone(self) -> dict[str, Member]:
        """Returns the members that can be asked now; waits a deadline for the first.

        Nodes that came since are said hello to, and those that failed at it once more.
        """
        until = self._exchange.now() + self._deadline
        self._faults.clear()
        while True:
            self._welcome()
            present = self.present()
            if present or self._exchange.now() >= until:
                return present
            self._exchange.pause(until)

    def _welcome(self) -> None:
        """Says hello to the nodes that came since, and brings what they lack.

        What is not done in time goes on before the next round.
        """
        until = self._exchange.now() + min(self._deadline, LATE_HELLO_SECONDS)
        waited_for = self._talk(frozenset())
        waited_for |= self._talk(self._new_nodes())
        while waited_for & self._exchange.busy() and self._exchange.now() < until:
            self._exchange.pause(until)
            waited_for |= self._talk(frozenset())

    def _talk(self, new: frozenset[int]) -> frozenset[int]:
        """Says hello to new nodes and answers the others; returns who was sent to."""
        for node_id in new:  # it did not answer in time, and starts again
            self._delivery.forget(node_id)
        self._send(dict.fromkeys(new, self._hello))
        sent_to = new
        late, now = (
            self._exchange.take_late(),
            self._exchange.poll(max_bytes=HELLO_BYTES),
        )
        for arrival in (*late, *now):
            if arrival.node_id in self._spoken_to:  # else a late answer to a round
                self._spoken_to.discard(arrival.node_id)
                request = self._reply_to(arrival)
                if request is not None:
                    self._send({arrival.node_id: request})
                    sent_to |= {arrival.node_id}
        return sent_to

    def _send(self, requests: Mapping[int, Envelope]) -> None:
        if requests:
            self._exchange.post(requests, ttl=self._deadline, group="hello")
            self._spoken_to |= requests.keys()

    def _reply_to(self, arrival: Arrival) -> Envelope | None:
        """Returns what an arrival's node is sent next, if anything."""
        node_id = arrival.node_id
        if not self._delivery.is_under_way(node_id):
            return self._register(arrival)
        request = self._delivery.proceed(node_id, arrival.answer)
        if isinstance(request, Rejection):
            self._reject(node_id, request)
            return None
        if request is None:
            self._supplied.add(node_id)
            return self._hello
        return request

    def _is_delivering(self) -> bool:
        return any(map(self._delivery.is_under_way, self._exchange.busy()))

    def _new_nodes(self) -> frozenset[int]:
        known = {member.node_id for member in self._members.values()}
        known |= self._refusals.keys() | self._faults.keys()
        return self._exchange.node_ids() - known - self._exchange.busy()

    def _num_answered(self) -> int:
        return len(self._members) + len(self._refusals) + len(self._faults)

    def _register(self, arrival: Arrival) -> Envelope | None:
        """Keeps what a hello came to; returns the first chunk for a site that asks."""
        node_id = arrival.node_id
        answer = check_hello_reply(arrival.answer, plan=self._plan)
        if isinstance(answer, Rejection):
            self._reject(node_id, answer)
        elif self._is_seated(answer.site_name):
            self._reject(node_id, _unfit(answer.site_name, *_SEATED))
        elif answer.has_transfer_set:
            self._members[answer.site_name] = Member(node_id=node_id, hello=answer)
        elif node_id in self._supplied:
            self._reject(node_id, _unfit(answer.site_name, *_UNSUPPLIED))
        else:
            return self._delivery.begin(node_id)
        return None

    def _reject(self, node_id: int, rejection: Rejection) -> None:
        log.warning(rejection.detail)
        # A refusal stands, since the plan never changes. A fault may pass.
        is_refusal = rejection.reason is RejectionReason.REFUSED
        may_pass = not is_refusal or rejection.refusal in _PASSING
        kept = self._faults if may_pass else self._refusals
        kept[node_id] = rejection

    def _is_seated(self, site_name: str) -> bool:
        seated = self._members.get(site_name)
        return seated is not None and seated.node_id in self._exchange.node_ids()

    def _nobody(self) -> QuorumMissedError | RefusedBySitesError:
        said = [*self._refusals.values(), *self._faults.values()]
        details = " ".join(rejection.detail for rejection in said[:_SHOWN])
        if self._refusals:
            return RefusedBySitesError(
                f"No site takes part: {len(self._refusals)} refused. {details} "
                "Nothing was trained."
            )
        return QuorumMissedError(
            f"No site takes part: none said hello within {self._deadline:g} seconds. "
            f"{details + ' ' if details else ''}Nothing was trained."
        )


def _unfit(site_name: str, reason: RejectionReason, problem: str) -> Rejection:
    detail = f"Reply of {site_name} {problem}. The site does not take part."
    return Rejection(site_name=site_name, reason=reason, detail=detail)
