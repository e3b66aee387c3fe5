"""The grid in one process, with apps that take no time."""

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.common.constant import SUPERLINK_NODE_ID
from flwr.common.serde import recorddict_to_proto
from flwr.serverapp import ServerApp

from simulations.engines.inline import FIRST_NODE_ID, Faults, InlineGrid, run_inline

NODES = [FIRST_NODE_ID, FIRST_NODE_ID + 1, FIRST_NODE_ID + 2]


def _content(values=(1.0, 2.0)):
    array = Array(np.array(values, np.float32))
    return RecordDict({"arrays": ArrayRecord({"a": array}), "fields": ConfigRecord()})


def _app(handle):
    """A ClientApp that answers ``train`` with what ``handle`` returns."""
    app = ClientApp()

    @app.train()
    def _train(message, context):
        return Message(handle(message, context), reply_to=message)

    return app


def _echo(message, context):
    fields = {"partition": context.node_config["partition-id"]}
    return RecordDict({"fields": ConfigRecord(fields)})


def _grid(handle=_echo, faults=None):
    return InlineGrid(
        _app(handle), num_nodes=3, run_config={"name": "tiny"}, faults=faults
    )


def _push(grid, nodes=None, content=None):
    """Sends one message a node; returns message ids by node."""
    nodes = nodes or list(grid.get_node_ids())
    messages = [
        Message(_content() if content is None else content, node, "train")
        for node in nodes
    ]
    return dict(zip(nodes, grid.push_messages(messages), strict=True))


def _ask(grid, nodes=None):
    return list(grid.pull_messages(_push(grid, nodes).values()))


def test_nodes_answer_in_the_order_of_their_partitions():
    """Whatever the order in which one asks for the replies."""
    grid = _grid()
    ids = _push(grid)

    replies = list(grid.pull_messages(reversed(list(ids.values()))))

    assert [reply.content["fields"]["partition"] for reply in replies] == [0, 1, 2]
    assert [one.metadata.reply_to_message_id for one in replies] == list(ids.values())
    assert [one.metadata.src_node_id for one in replies] == NODES


def test_a_reply_is_delivered_once():
    """As Flower's does; and nothing that was not asked for is delivered."""
    grid = _grid()
    ids = _push(grid)
    first = ids[NODES[0]]

    assert len(list(grid.pull_messages([first]))) == 1
    assert list(grid.pull_messages([first, "message-99"])) == []
    assert len(list(grid.pull_messages(ids.values()))) == 2


def test_a_node_knows_its_partition_and_the_run_config():
    """What a site is found by."""
    seen = []

    def handle(message, context):
        seen.append((dict(context.node_config), dict(context.run_config)))
        return RecordDict()

    _ask(_grid(handle), [NODES[2]])

    assert seen == [({"partition-id": 2, "num-partitions": 3}, {"name": "tiny"})]


def test_a_node_keeps_its_state_between_messages():
    """One context a node, and none in common."""

    def handle(message, context):
        past = context.state.get("past", ConfigRecord({"count": 0}))
        context.state["past"] = ConfigRecord({"count": past["count"] + 1})
        return RecordDict({"fields": context.state["past"]})

    grid = _grid(handle)
    _ask(grid, [NODES[0]])

    replies = _ask(grid, NODES[:2])

    assert [reply.content["fields"]["count"] for reply in replies] == [2, 1]


def test_a_client_cannot_change_what_the_server_holds():
    """It gets a copy, and what it holds on to is not what the server gets."""
    kept = []

    def handle(message, context):
        record = message.content["arrays"]
        record["a"] = Array(np.zeros(2, np.float32))
        message.content["extra"] = ConfigRecord({"more": 1})
        reply = _content([5.0, 6.0])
        kept.append(reply)
        return reply

    content = _content()
    grid = _grid(handle)
    ids = _push(grid, NODES[:2], content)
    replies = list(grid.pull_messages(ids.values()))
    kept[0]["arrays"]["a"] = Array(np.zeros(2, np.float32))

    assert set(content) == {"arrays", "fields"}
    assert content["arrays"]["a"].numpy().tolist() == [1, 2]
    assert replies[0].content["arrays"]["a"].numpy().tolist() == [5, 6]


def test_one_node_cannot_change_what_the_next_one_gets():
    """Nodes of one message content do not see each other's changes."""
    seen = []

    def handle(message, context):
        seen.append(message.content["arrays"]["a"].numpy().tolist())
        message.content["arrays"]["a"] = Array(np.zeros(2, np.float32))
        return RecordDict()

    grid = _grid(handle)
    list(grid.pull_messages(_push(grid, NODES, _content()).values()))

    assert seen == [[1, 2]] * 3


def test_bytes_are_those_of_the_serialised_contents():
    """Both ways; an error has no content."""

    def handle(message, context):
        if context.node_config["partition-id"] == 2:
            raise ValueError
        return _content(range(100))

    grid = _grid(handle)
    _ask(grid)

    assert grid.bytes_down == 3 * _size(_content())
    assert grid.bytes_up == 2 * _size(_content(range(100)))


def _size(record):
    return len(recorddict_to_proto(record).SerializeToString())


def test_a_node_that_raises_becomes_an_error_reply(caplog):
    """Code 2, as from a real node, and the others answer."""

    def handle(message, context):
        if context.node_config["partition-id"] == 1:
            raise ValueError("on purpose")
        return _echo(message, context)

    replies = _ask(_grid(handle))

    assert [reply.has_error() for reply in replies] == [False, True, False]
    assert replies[1].error.code == 2
    assert replies[1].error.reason == "<class 'ValueError'>:<'on purpose'>"
    assert "The ClientApp of node 1001 raised." in caplog.messages


def test_a_silent_node_is_there_and_does_not_answer():
    """From the given push on; a message to it stays unanswered for ever."""
    grid = _grid(faults=Faults(silent_from={1: 2}))

    first = _ask(grid)
    ids = _push(grid)
    second = list(grid.pull_messages(ids.values()))

    assert len(first) == 3
    assert [one.content["fields"]["partition"] for one in second] == [0, 2]
    assert list(grid.get_node_ids()) == NODES
    assert list(grid.pull_messages(ids.values())) == []


def test_a_late_node_is_not_there_before():
    """It joins after the given number of pushes."""
    grid = _grid(faults=Faults(absent_until={2: 1}))

    before = list(grid.get_node_ids())
    replies = _ask(grid)

    assert before == NODES[:2]
    assert len(replies) == 2
    assert list(grid.get_node_ids()) == NODES


def test_a_node_that_leaves_is_told_of_as_unavailable():
    """The message that it did not fetch comes back as error 5."""
    grid = _grid(faults=Faults(gone_after={0: 2}))
    _ask(grid)

    replies = _ask(grid)

    assert [reply.has_error() for reply in replies] == [True, False, False]
    assert replies[0].error.code == 5
    assert list(grid.get_node_ids()) == NODES[1:]


def test_sends_and_receives_in_one_call():
    """What Flower's own strategies use."""
    grid = _grid()
    messages = [Message(_content(), node, "train") for node in NODES]

    replies = list(grid.send_and_receive(messages, timeout=1.0))

    assert [reply.metadata.src_node_id for reply in replies] == NODES


def test_runs_a_server_app_with_the_run_config():
    """The ServerApp gets the grid and a context; whatever it raises comes out."""
    seen = []
    app = ServerApp()

    @app.main()
    def _main(grid, context):
        seen.append((context.node_id, dict(context.run_config)))
        seen.append(len(_ask(grid)))
        raise LookupError("from the server")

    with pytest.raises(LookupError, match="from the server"):
        run_inline(app, _app(_echo), num_nodes=3, run_config={"name": "tiny"})

    assert seen == [(SUPERLINK_NODE_ID, {"name": "tiny"}), 3]
