"""A Flower Grid whose nodes are functions, on a clock that only tests move."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flwr.app import Error, Message, RecordDict
from flwr.common.constant import SUPERLINK_NODE_ID
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from common.envelope import Envelope, MessageKind
from common.records import from_record, over_the_wire, serialised_size, to_record

SILENT = None
# What a node does with a request: answers with an envelope, a raw record or one of
# Flower's errors, or never.
Says = Envelope | RecordDict | Error | None
Node = Callable[[Envelope], Says]


class FakeClock:
    """Seconds that pass only in ``sleep``."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.seconds += max(seconds, 0.001)


@dataclass
class Slow:
    """A node that answers after some seconds."""

    node: Node
    seconds: float

    def __call__(self, request: Envelope) -> Says:
        return self.node(request)


class FakeGrid(Grid):
    """Delivers, expires and loses messages as Flower's SuperLink does."""

    def __init__(self, nodes: dict[int, Node], clock: FakeClock) -> None:
        TaskIdentity.task_id = 1
        TaskIdentity.run_id = 1
        TaskIdentity.node_id = SUPERLINK_NODE_ID
        self.nodes = nodes
        self.clock = clock
        self.requests: list[tuple[int, Envelope]] = []
        self.unpushable: set[int] = set()
        self.bytes_down = 0
        self.bytes_up = 0
        self._replies: dict[str, tuple[float, Message]] = {}
        self._ids = itertools.count(1)

    def requests_of(self, node_id: int, kind: MessageKind) -> list[Envelope]:
        return [
            request
            for node, request in self.requests
            if node == node_id and request.kind is kind
        ]

    def set_run(self, run: Run) -> None:
        raise NotImplementedError

    @property
    def run(self) -> Run:
        raise NotImplementedError

    def create_message(self, *args: object, **kwargs: object) -> Message:
        raise NotImplementedError

    def send_and_receive(self, *args: object, **kwargs: object) -> list[Message]:
        raise NotImplementedError

    def get_node_ids(self) -> list[int]:
        return list(self.nodes)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        assert isinstance(messages, list)
        pushed = []
        for message in messages:
            key = f"message-{next(self._ids)}"
            message.metadata.__dict__["_message_id"] = key
            if message.metadata.dst_node_id in self.unpushable:
                continue
            pushed.append(key)
            self._deliver(message)
        return pushed

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        wanted = set(message_ids)
        ready = [
            key
            for key, (ready_at, _) in self._replies.items()
            if key in wanted and ready_at <= self.clock.seconds
        ]
        # Flower promises no order.
        replies = [self._replies.pop(key)[1] for key in reversed(ready)]
        self.bytes_up += sum(
            serialised_size(reply.content) for reply in replies if reply.has_content()
        )
        return replies

    def _deliver(self, message: Message) -> None:
        node_id = message.metadata.dst_node_id
        content, size = over_the_wire(message.content)
        self.bytes_down += size
        request = from_record(content, MessageKind(message.metadata.message_type))
        self.requests.append((node_id, request))
        node = self.nodes.get(node_id)
        said = node(request) if node else SILENT
        delay = node.seconds if isinstance(node, Slow) else 0.0
        if said is SILENT or delay > message.metadata.ttl:
            return
        reply = _reply(said, message)
        self._replies[message.metadata.message_id] = (
            self.clock.seconds + delay,
            reply,
        )


def _reply(said: Envelope | RecordDict | Error, message: Message) -> Message:
    if isinstance(said, Error):
        reply = Message(said, reply_to=message)
        reply.metadata.__dict__["_src_node_id"] = SUPERLINK_NODE_ID
        return reply
    record = to_record(said) if isinstance(said, Envelope) else said
    reply = Message(over_the_wire(record)[0], reply_to=message)
    if isinstance(said, Envelope):
        reply.metadata.message_type = said.kind.value
    return reply
