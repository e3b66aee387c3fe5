"""What the engine and the record conversion use of flwr's insides, and only that.

Flower may change these in any release. If a test here fails after an upgrade, look at
``simulations/engines/inline.py``, ``common/records.py`` and ``server/exchange.py``.
"""

import inspect

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, RecordDict
from flwr.app import Message as FlowerMessage
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from server.exchange import _ERRORS
from server.replies import RejectionReason
from simulations.engines.inline import InlineGrid

IDENTITY = ("task_id", "run_id", "node_id")


@pytest.fixture(autouse=True)
def identity(monkeypatch):
    """An identity for the length of a test."""
    for name, value in zip(IDENTITY, (1, 2, SUPERLINK_NODE_ID), strict=True):
        monkeypatch.setattr(TaskIdentity, f"_{name}", value)


def _request():
    return FlowerMessage(
        RecordDict(), 1000, "train.distill", ttl=60.0, group_id="round-1"
    )


@pytest.mark.parametrize("name", IDENTITY)
def test_the_identity_of_the_process_can_be_set(name):
    """Class properties that are written once and read by every new message."""
    setattr(TaskIdentity, name, 7)

    assert getattr(TaskIdentity, name) == 7


@pytest.mark.parametrize("name", IDENTITY)
def test_a_message_needs_the_identity(name, monkeypatch):
    """Without it there is no message: the engine has to set all three."""
    monkeypatch.setattr(TaskIdentity, f"_{name}", None)

    with pytest.raises(RuntimeError, match=f"TaskIdentity.{name} is not set"):
        _request()


def test_a_message_has_the_metadata_that_the_engine_reads():
    """Whom it is for, what it is about, and an id that is still to be set."""
    metadata = _request().metadata

    assert metadata.dst_node_id == 1000
    assert metadata.src_node_id == SUPERLINK_NODE_ID
    assert metadata.message_type == "train.distill"
    assert metadata.group_id == "round-1"
    assert metadata.ttl == 60.0
    assert metadata.message_id == ""


def test_the_id_of_a_message_can_be_set_as_the_superlink_would():
    """By the one private key that the engine writes; a reply then names it."""
    request = _request()

    request.metadata.__dict__["_message_id"] = "message-1"
    reply = FlowerMessage(RecordDict(), reply_to=request)

    assert request.metadata.message_id == "message-1"
    assert reply.metadata.reply_to_message_id == "message-1"
    assert reply.metadata.src_node_id == 1000
    assert reply.metadata.dst_node_id == SUPERLINK_NODE_ID
    assert reply.metadata.message_type == "train.distill"


def test_an_error_is_a_reply_without_content():
    """The exchange asks for content first and reads code and reason after that."""
    error = FlowerMessage(Error(2, "why"), reply_to=_request())

    assert not error.has_content()
    assert (error.error.code, error.error.reason) == (2, "why")


def test_the_content_of_a_message_can_be_replaced():
    """By what has arrived after the round trip."""
    request, arrived = _request(), RecordDict()

    request.content = arrived

    assert request.content is arrived


def test_error_codes_have_the_numbers_that_the_server_knows():
    """Each of Flower's codes but "unknown" has our own words, under its number."""
    codes = {
        name: number
        for name, number in vars(ErrorCode).items()
        if isinstance(number, int)
    }

    assert codes == {
        "UNKNOWN": 0,
        "LOAD_CLIENT_APP_EXCEPTION": 1,
        "CLIENT_APP_RAISED_EXCEPTION": 2,
        "MESSAGE_UNAVAILABLE": 3,
        "REPLY_MESSAGE_UNAVAILABLE": 4,
        "NODE_UNAVAILABLE": 5,
        "MOD_FAILED_PRECONDITION": 6,
        "INVALID_FAB": 7,
        "CLIENT_APP_CRASHED": 8,
    }
    assert set(_ERRORS) == set(codes.values()) - {ErrorCode.UNKNOWN}
    assert {_ERRORS[code][0] for code in (2, 5)} == {
        RejectionReason.APP_FAILED,
        RejectionReason.SITE_UNAVAILABLE,
    }


def test_records_survive_the_protobuf_round_trip():
    """Arrays byte for byte, scalars with their types, and a size in bytes."""
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    sent = RecordDict(
        {
            "arrays": ArrayRecord({"a": Array(values)}),
            "fields": ConfigRecord({"whole": 1, "real": 1.5, "text": "x", "yes": True}),
        }
    )

    content = recorddict_to_proto(sent)
    arrived = recorddict_from_proto(content)

    assert content.ByteSize() == len(content.SerializeToString())
    assert content.ByteSize() > values.nbytes
    np.testing.assert_array_equal(arrived["arrays"]["a"].numpy(), values)
    assert dict(arrived["fields"]) == dict(sent["fields"])
    assert [type(value) for value in arrived["fields"].values()] == [
        int,
        float,
        str,
        bool,
    ]


def test_a_run_can_be_made_out_of_a_number():
    """The grid needs a run of its own, without a SuperLink."""
    assert Run.create_empty(1).run_id == 1


def test_a_context_holds_what_a_site_is_found_by():
    """Node config and run config, as given."""
    context = Context(
        run_id=1,
        node_id=1000,
        node_config={"partition-id": 0},
        state=RecordDict(),
        run_config={"name": "tiny"},
    )

    assert context.node_config == {"partition-id": 0}
    assert context.run_config == {"name": "tiny"}


def test_the_grid_has_every_method_of_flowers():
    """Same names and parameters: a ServerApp cannot tell the two apart."""
    for name in Grid.__abstractmethods__:
        ours = inspect.getattr_static(InlineGrid, name)
        flowers = inspect.getattr_static(Grid, name)
        if isinstance(flowers, property):
            assert isinstance(ours, property), name
            continue
        expected = list(inspect.signature(flowers).parameters)
        assert list(inspect.signature(ours).parameters) == expected, name
