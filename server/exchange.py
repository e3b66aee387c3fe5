"""Messages out and answers back, over Flower's Grid.

Flower identifies nodes by random numbers and delivers errors in the SuperLink's name,
so an answer belongs to whom its ``reply_to_message_id`` was sent. A SuperNode works on
one message at a time: a node with an unanswered message is *busy* and is sent nothing
more until that message's time to live is over. What leaves here knows no Flower.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from flwr.app import Message
from flwr.serverapp import Grid

from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError
from common.records import from_record, serialised_size, to_record
from server.replies import Answer, Fault, RejectionReason, as_problem
from server.traffic import Traffic

POLL_SECONDS = 0.5

# Flower's error codes (flwr.common.constant.ErrorCode), in our words: Flower's own
# reason can hold an exception's text, and with it values of a site's data.
_ERRORS = {
    1: (RejectionReason.APP_NOT_LOADED, "its app could not be loaded"),
    2: (RejectionReason.APP_FAILED, "its app raised an exception"),
    3: (RejectionReason.SITE_UNAVAILABLE, "it never fetched the message"),
    4: (RejectionReason.SITE_UNAVAILABLE, "its answer was lost"),
    5: (RejectionReason.SITE_UNAVAILABLE, "its node is not connected"),
    6: (RejectionReason.APP_FAILED, "its app refused to run"),
    7: (RejectionReason.APP_NOT_LOADED, "its node did not trust the app"),
    8: (RejectionReason.APP_STOPPED, "its app stopped responding"),
}
_UNKNOWN = (RejectionReason.UNKNOWN_ERROR, "for an unknown reason")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrival:
    """One answer.

    Attributes:
        node_id: whom the answered message was sent to.
        answer: an envelope that still has to be checked, or a fault.
        size: size of the content, in bytes as serialised.
    """

    node_id: int
    answer: Answer
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    node_id: int
    expires_at: float


class Exchange:
    """Sends requests to nodes and collects what comes back.

    Args:
        grid: Flower's Grid.
        clock: seconds on a clock that never goes back.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        grid: Grid,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._grid = grid
        self._clock = clock
        self._sleep = sleep
        self._sent: dict[str, _Sent] = {}
        self._traffic = Traffic()
        self._late: list[Arrival] = []

    def now(self) -> float:
        """Returns the clock's seconds; only differences mean something."""
        return self._clock()

    def pause(self, until: float) -> None:
        """Waits for the next poll, but not beyond ``until`` on the clock."""
        self._sleep(max(0.0, min(POLL_SECONDS, until - self._clock())))

    def node_ids(self) -> frozenset[int]:
        """Returns the nodes that are connected now."""
        return frozenset(self._grid.get_node_ids())

    def busy(self) -> frozenset[int]:
        """Returns the nodes with an unanswered message that is still alive."""
        now = self._clock()
        self._sent = {
            key: sent for key, sent in self._sent.items() if sent.expires_at > now
        }
        return frozenset(sent.node_id for sent in self._sent.values())

    def take_traffic(self) -> Traffic:
        """Returns the bytes since the last call."""
        traffic, self._traffic = self._traffic, Traffic()
        return traffic

    def take_late(self) -> list[Arrival]:
        """Returns once the answers that came while others were waited for."""
        late, self._late = self._late, []
        return late

    def post(
        self, requests: Mapping[int, Envelope], *, ttl: float, group: str
    ) -> frozenset[int]:
        """Sends requests and returns the nodes whose message went out.

        Args:
            requests: by node.
            ttl: seconds for which a message and its answer are worth something.
            group: Flower's group id, for its logs.

        Raises:
            ValueError: a node is busy.
        """
        clash = self.busy() & requests.keys()
        if clash:
            raise ValueError(f"Expected idle nodes, {len(clash)} still have a message.")
        messages = [  # a list: HttpGrid walks it twice, and a generator sends nothing
            Message(
                to_record(request),
                node_id,
                request.kind.value,
                ttl=ttl,
                group_id=group,
            )
            for node_id, request in sorted(requests.items())
        ]
        pushed = {key for key in self._grid.push_messages(messages) if key}
        expires_at = self._clock() + ttl
        out = [one for one in messages if one.metadata.message_id in pushed]
        for message in out:
            self._sent[message.metadata.message_id] = _Sent(
                node_id=message.metadata.dst_node_id, expires_at=expires_at
            )
        down = sum(serialised_size(message.content) for message in out)
        self._traffic += Traffic(down=down)
        return frozenset(message.metadata.dst_node_id for message in out)

    def poll(self, *, max_bytes: int) -> list[Arrival]:
        """Returns the answers that have arrived, ordered by node.

        Args:
            max_bytes: a larger answer is not even decoded.
        """
        if not self._sent:
            return []
        arrivals = []
        for message in list(self._grid.pull_messages(list(self._sent))):
            sent = self._sent.pop(message.metadata.reply_to_message_id, None)
            if sent is None:  # a second answer to one message
                continue
            size = serialised_size(message.content) if message.has_content() else 0
            self._traffic += Traffic(up=size)
            answer = _read(message, size=size, max_bytes=max_bytes)
            arrivals.append(Arrival(node_id=sent.node_id, answer=answer, size=size))
        return sorted(arrivals, key=lambda arrival: arrival.node_id)

    def ask(
        self,
        requests: Mapping[int, Envelope],
        *,
        deadline: float,
        ttl: float | None = None,
        max_bytes: int,
        group: str = "",
    ) -> dict[int, Arrival]:
        """Sends requests and waits until all are answered or the deadline passes.

        Args:
            requests: by node; no node may be busy.
            deadline: seconds to wait.
            ttl: seconds for which the messages live, by default the deadline.
            max_bytes: a larger answer is not even decoded.
            group: Flower's group id.

        Returns:
            The answers by node. A node that is missing has stayed silent.
        """
        posted = self.post(requests, ttl=deadline if ttl is None else ttl, group=group)
        return self._wait(posted, until=self._clock() + deadline, max_bytes=max_bytes)

    def _wait(
        self, nodes: Collection[int], *, until: float, max_bytes: int
    ) -> dict[int, Arrival]:
        answers: dict[int, Arrival] = {}
        while True:
            arrivals = self.poll(max_bytes=max_bytes)
            # An answer to an earlier message only says that its node is free again.
            answers |= {one.node_id: one for one in arrivals if one.node_id in nodes}
            self._late += [one for one in arrivals if one.node_id not in nodes]
            if len(answers) == len(nodes) or self._clock() >= until:
                return answers
            if not arrivals:
                self.pause(until)


def _read(message: Message, *, size: int, max_bytes: int) -> Answer:
    """Returns the envelope in a message that may come from anybody, or its fault."""
    if not message.has_content():
        code = message.error.code
        reason, cause = _ERRORS.get(code, _UNKNOWN)
        return Fault(reason=reason, problem=f"is an error of code {code} ({cause})")
    if size > max_bytes:
        return Fault(
            reason=RejectionReason.TOO_LARGE,
            problem=f"has {size} bytes, expected at most {max_bytes}",
        )
    try:
        kind = MessageKind(message.metadata.message_type)
    except ValueError:
        return Fault(
            reason=RejectionReason.WRONG_KIND,
            problem="is of no message kind that is known here",
        )
    try:
        return from_record(message.content, kind)
    except InvalidReplyError as error:
        return Fault(reason=RejectionReason.MALFORMED, problem=as_problem(error))
