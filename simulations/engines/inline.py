"""The ``inline`` engine: Flower's Grid in this process, for the very same two apps.

Every message makes the protobuf round trip, so that bytes are real and a client cannot
change what the server holds. Nodes answer one after the other in the order of their
site names: the same run gives the same bytes. Faults can be injected, since a test of
stragglers needs stragglers.

This is the second of the two modules that know flwr internals (the first is
``common/records.py``); a contract test holds what is used here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.serverapp import Grid, ServerApp
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from common.records import over_the_wire
from common.run_plan import Scalar

_LOGGER = logging.getLogger(__name__)

FIRST_NODE_ID = 1000
_RUN_ID = 1
_TASK_ID = 1


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong on purpose; nothing by default.

    Attributes:
        silent_from: partition to the push, counted from 1, from which on its node
            is connected and answers no more.
        absent_until: partition to the number of pushes before which its node is not
            there yet: a node that joins late.
        gone_after: partition to the number of pushes after which its node is gone.
    """

    silent_from: Mapping[int, int] = field(default_factory=dict)
    absent_until: Mapping[int, int] = field(default_factory=dict)
    gone_after: Mapping[int, int] = field(default_factory=dict)


class InlineGrid(Grid):
    """A grid whose nodes are contexts in this process.

    Args:
        client_app: the ClientApp that every node runs.
        num_nodes: number of nodes; node i has partition id i.
        run_config: flat scalars, given to every node's context.
        faults: what goes wrong on purpose.
    """

    def __init__(
        self,
        client_app: ClientApp,
        *,
        num_nodes: int,
        run_config: Mapping[str, Scalar],
        faults: Faults | None = None,
    ) -> None:
        # Message() asks the process who it is; outside a Flower process nobody says.
        TaskIdentity.task_id = _TASK_ID
        TaskIdentity.run_id = _RUN_ID
        TaskIdentity.node_id = SUPERLINK_NODE_ID
        self._client_app = client_app
        self._faults = faults or Faults()
        self._run = Run.create_empty(_RUN_ID)
        self._contexts = {
            FIRST_NODE_ID + partition: Context(
                run_id=_RUN_ID,
                node_id=FIRST_NODE_ID + partition,
                node_config={"partition-id": partition, "num-partitions": num_nodes},
                state=RecordDict(),
                run_config=dict(run_config),
            )
            for partition in range(num_nodes)
        }
        self._pending: dict[str, Message] = {}
        self._num_messages = 0
        self._num_pushes = 0
        self.bytes_down = 0
        self.bytes_up = 0

    def set_run(self, run: Run) -> None:
        """Sets the run."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Returns a message; kept for Flower's interface."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Returns the ids of the nodes that are there now."""
        return [node for node in self._contexts if self._is_present(node)]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Queues messages and returns their ids, in order."""
        self._num_pushes += 1
        ids = []
        for message in messages:
            self._num_messages += 1
            message_id = f"message-{self._num_messages}"
            message.metadata.__dict__["_message_id"] = message_id
            ids.append(message_id)
            self._pending[message_id] = message
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Lets the nodes answer and returns their replies."""
        asked = set(message_ids)
        wanted = [name for name in self._pending if name in asked]
        replies = []
        for message_id in wanted:
            if self._is_silent(self._pending[message_id].metadata.dst_node_id):
                continue
            message = self._pending.pop(message_id)
            replies.append(self._execute(message))
        return replies

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Pushes and pulls once: every node that answers at all answers at once."""
        del timeout
        return self.pull_messages(self.push_messages(list(messages)))

    def _is_present(self, node: int) -> bool:
        partition = node - FIRST_NODE_ID
        joined = self._num_pushes >= self._faults.absent_until.get(partition, 0)
        gone = partition in self._faults.gone_after and (
            self._num_pushes >= self._faults.gone_after[partition]
        )
        return joined and not gone

    def _is_silent(self, node: int) -> bool:
        partition = node - FIRST_NODE_ID
        return partition in self._faults.silent_from and (
            self._num_pushes >= self._faults.silent_from[partition]
        )

    def _execute(self, message: Message) -> Message:
        node = message.metadata.dst_node_id
        if not self._is_present(node):
            error = Error(ErrorCode.NODE_UNAVAILABLE, "Node unavailable.")
            return Message(error, reply_to=message)
        received, size = over_the_wire(message.content)
        self.bytes_down += size
        message.content = received
        try:
            reply = self._client_app(message, self._contexts[node])
        except Exception as error:
            # The contract of flwr-clientapp: an exception becomes an error reply.
            _LOGGER.exception("The ClientApp of node %d raised.", node)
            reason = f"{type(error)}:<'{error}'>"
            return Message(
                Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason), reply_to=message
            )
        if reply.has_content():
            reply.content, size = over_the_wire(reply.content)
            self.bytes_up += size
        return reply


def run_inline(
    server_app: ServerApp,
    client_app: ClientApp,
    *,
    num_nodes: int,
    run_config: Mapping[str, Scalar],
    faults: Faults | None = None,
) -> InlineGrid:
    """Runs a whole federation in this process and returns its grid.

    Args:
        server_app: the ServerApp.
        client_app: the ClientApp.
        num_nodes: number of nodes.
        run_config: flat scalars for both apps.
        faults: what goes wrong on purpose.

    Raises:
        FedstillError: whatever the ServerApp raises.
    """
    grid = InlineGrid(
        client_app, num_nodes=num_nodes, run_config=run_config, faults=faults
    )
    server_app(
        grid,
        Context(
            run_id=_RUN_ID,
            node_id=SUPERLINK_NODE_ID,
            node_config={},
            state=RecordDict(),
            run_config=dict(run_config),
        ),
    )
    return grid
