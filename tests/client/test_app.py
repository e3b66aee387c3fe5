"""The relay: passes envelopes on, loads nothing heavy, and leaks no exception."""

import subprocess
import sys

import numpy as np
import pytest
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.common.constant import SUPERLINK_NODE_ID
from flwr.supercore.task_identity import TaskIdentity

from client import app as relay
from client.connection import use_provider
from client.custodian.connection import CustodianConnection
from common.envelope import Envelope, MessageKind
from common.records import from_record, to_record
from tests.client.support import reason_of


@pytest.fixture(autouse=True)
def _identity(monkeypatch):
    """Message() asks the process who it is."""
    monkeypatch.setattr(TaskIdentity, "_task_id", 1)
    monkeypatch.setattr(TaskIdentity, "_run_id", 1)
    monkeypatch.setattr(TaskIdentity, "_node_id", SUPERLINK_NODE_ID)


def relay_message(record, message_type, node_config=None, **options):
    context = Context(
        run_id=1,
        node_id=7,
        node_config=node_config or {"partition-id": 3},
        state=RecordDict(),
        run_config={"rounds": 2},
    )
    message = Message(record, dst_node_id=7, message_type=message_type, **options)
    return relay.app(message, context)


class _Echo:
    """A site that answers with what it was asked."""

    def answer(self, request):
        return Envelope(
            kind=request.kind,
            arrays=request.arrays,
            fields={"echo": request.kind.value},
        )


@pytest.mark.parametrize("kind", list(MessageKind))
def test_each_message_type_reaches_the_site(kind):
    """Each of the message types has a handler, and the reply comes back whole."""
    request = Envelope(kind=kind, arrays={"a": np.arange(3)})

    with use_provider(lambda node, run: _Echo()):
        reply = relay_message(to_record(request), kind.value)

    answered = from_record(reply.content, kind)
    assert answered.fields == {"echo": kind.value}
    assert answered.arrays["a"].tolist() == [0, 1, 2]


def test_provider_sees_node_and_run_config():
    """A provider chooses the site by the node's own config."""
    seen = []

    def provider(node_config, run_config):
        seen.append((node_config["partition-id"], run_config["rounds"]))
        return _Echo()

    with use_provider(provider):
        relay_message(to_record(Envelope(kind=MessageKind.HELLO)), "query.hello")

    assert seen == [(3, 2)]


def test_other_records_are_a_malformed_request():
    """What is no envelope is refused by the relay itself."""
    record = RecordDict({"config": ConfigRecord({"a": 1})})

    with use_provider(lambda node, run: _Echo()):
        reply = relay_message(record, "train.distill")

    answered = from_record(reply.content, MessageKind.ROUND)
    assert reason_of(answered) == "malformed-request"


def test_failing_provider_leaves_as_a_closed_reason():
    """An exception's text could carry a path; only the reason is sent."""

    def provider(node_config, run_config):
        raise RuntimeError("/home/owner/secret.csv")

    with use_provider(provider):
        try:
            reply = relay_message(
                to_record(Envelope(kind=MessageKind.HELLO)), "query.hello"
            )
        except RuntimeError:
            pytest.fail("Rule 9: an exception and its text left the relay.")

    assert not reply.has_error()
    answered = from_record(reply.content, MessageKind.HELLO)
    assert reason_of(answered) == "internal-error"
    assert "secret" not in str(answered.fields)


def test_relay_passes_its_failpoint_after_the_reply_is_made(monkeypatch):
    """The point after the send is the last thing in the relay."""
    reached = []
    monkeypatch.setattr(relay, "failpoint", reached.append)

    with use_provider(lambda node, run: _Echo()):
        relay_message(to_record(Envelope(kind=MessageKind.HELLO)), "query.hello")

    assert reached == ["site.after-send"]


def test_a_custodian_is_asked_with_the_messages_time_to_live(monkeypatch):
    """The node config says where; the message says until when."""
    asked = []

    def answer(self, request):
        asked.append((self._endpoint.target, self._deadline_seconds))
        return _Echo().answer(request)

    monkeypatch.setattr(CustodianConnection, "answer", answer)
    relay_message(
        to_record(Envelope(kind=MessageKind.HELLO)),
        "query.hello",
        {"custodian": "unix:/run/site.sock"},
        ttl=123.0,
    )

    assert asked == [("unix:/run/site.sock", 123.0)]


def test_a_node_that_is_set_up_badly_tells_its_owner(caplog):
    """The words go to the node's own log, the reason to the server."""
    reply = relay_message(
        to_record(Envelope(kind=MessageKind.HELLO)),
        "query.hello",
        {"custodian": "site.example:9443"},
    )

    answered = from_record(reply.content, MessageKind.HELLO)
    assert reason_of(answered) == "internal-error"
    assert "TCP without mutual TLS is never used" in caplog.text
    assert "9443" not in str(answered.fields)


RELAY = ("client.app", "client.connection", "client.custodian.connection")
HEAVY = """
import sys
heavy = {"torch", "opacus", "sklearn", "scipy", "sqlite3"}
sites = {"client.site", "client.private_data", "client.storage.store", "client.rounds"}
sys.exit(", ".join(sorted((heavy | sites) & set(sys.modules))) or 0)
"""


@pytest.mark.parametrize("module", RELAY)
def test_relay_loads_neither_torch_nor_opacus(module):
    """In a fresh process importing the relay imports nothing heavy, and no site."""
    code = f"import {module}\n{HEAVY}"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
