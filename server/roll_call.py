"""Who takes part: nodes are said hello to, and answer for a site.

A node is Flower's and random; a site has a public, stable name. Nodes come and go
while a run goes on: a new one is said hello to before it is asked anything, one that
has gone is not asked, and a site that returns under another node takes its old place.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import QuorumMissedError, RefusedBySitesError
from common.messages import HelloReply, HelloRequest
from common.run_plan import RunPlan
from server.exchange import Arrival, Exchange
from server.replies import Rejection, RejectionReason
from server.validation import check_hello_reply

log = logging.getLogger("fedstill.server")

HELLO_BYTES = 64 * 1024  # an honest answer has a few hundred
# A node that joins late must not hold up the round that the others wait for; an
# honest hello takes about ten seconds in a deployment, nearly all of it Flower's.
LATE_HELLO_SECONDS = 30.0
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
        deadline: seconds for which a hello is worth something.
    """

    def __init__(self, exchange: Exchange, plan: RunPlan, *, deadline: float) -> None:
        self._exchange = exchange
        self._plan = plan
        self._deadline = deadline
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
        until = self._exchange.now() + self._deadline
        while True:
            new = self._new_nodes()
            if new:
                requests = dict.fromkeys(new, self._hello)
                self._exchange.post(requests, ttl=self._deadline, group="hello")
            for arrival in self._exchange.poll(max_bytes=HELLO_BYTES):
                self._register(arrival)
            if self._num_answered() >= sites or self._exchange.now() >= until:
                break
            self._exchange.pause(until)
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
        """Says hello to the nodes that came since the last one."""
        new = self._new_nodes()
        if not new:
            return
        arrivals = self._exchange.ask(
            dict.fromkeys(new, self._hello),
            deadline=min(self._deadline, LATE_HELLO_SECONDS),
            ttl=self._deadline,
            max_bytes=HELLO_BYTES,
            group="hello",
        )
        for _, arrival in sorted(arrivals.items()):
            self._register(arrival)

    def _new_nodes(self) -> frozenset[int]:
        known = {member.node_id for member in self._members.values()}
        known |= self._refusals.keys() | self._faults.keys()
        return self._exchange.node_ids() - known - self._exchange.busy()

    def _num_answered(self) -> int:
        return len(self._members) + len(self._refusals) + len(self._faults)

    def _register(self, arrival: Arrival) -> None:
        answer = check_hello_reply(arrival.answer, plan=self._plan)
        if isinstance(answer, HelloReply) and self._is_seated(answer.site_name):
            answer = Rejection(
                site_name=answer.site_name,
                reason=RejectionReason.DUPLICATE_SITE_NAME,
                detail=f"Reply of {answer.site_name} has the name of a site that is "
                "connected already. The second one does not take part.",
            )
        if isinstance(answer, HelloReply):
            self._members[answer.site_name] = Member(
                node_id=arrival.node_id, hello=answer
            )
            return
        log.warning(answer.detail)
        # A refusal stands, since the plan never changes. A fault may pass.
        is_refusal = answer.reason is RejectionReason.REFUSED
        kept = self._refusals if is_refusal else self._faults
        kept[arrival.node_id] = answer

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
