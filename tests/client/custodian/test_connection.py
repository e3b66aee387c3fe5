"""The relay's side: a reply, or one of the closed reasons."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest

from client.custodian import connection as relay
from client.custodian.connection import CustodianConnection
from client.custodian.endpoint import Endpoint
from client.custodian.wire import LONGEST_DEADLINE_SECONDS
from common.envelope import Envelope, MessageKind
from tests.client.custodian.support import HELLO, SECONDS, Echo, Fails, Refuses, door
from tests.client.support import reason_of

ROOT = Path(__file__).resolve().parents[3]


def test_a_reply_comes_through():
    """Arrays and fields, as the site made them."""
    with door(Echo()) as custodian:
        reply = custodian.ask()

    assert reply.kind is MessageKind.HELLO
    assert reply.fields == {"ledger_entries": 7}


def test_a_refusal_comes_through():
    """With the site's own name."""
    with door(Refuses()) as custodian:
        reply = custodian.ask()

    assert reply.fields == {"refusal": "unknown-run", "site_name": "site-00"}


def test_an_absent_custodian_is_an_internal_error(caplog):
    """The owner reads where nobody was; the server reads a reason."""
    endpoint = Endpoint.parse("unix:/nowhere/site.sock")

    reply = CustodianConnection(endpoint, ready_seconds=0.1).answer(HELLO)

    assert reason_of(reply) == "internal-error"
    assert (
        "No custodian at unix:/nowhere/site.sock: No such file or directory."
        in caplog.text
    )


def test_a_failing_custodian_is_an_internal_error(caplog):
    """The owner's log has the status and no text from the wire."""
    with door(Fails()) as custodian:
        reply = custodian.ask()

    assert reason_of(reply) == "internal-error"
    assert "The custodian did not answer: INTERNAL." in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("failures", [1, 2])
def test_a_custodian_that_went_away_is_asked_the_same_again(failures, monkeypatch):
    """Its outbox has the reply; without it the budget would be spent for nothing."""
    asked = []

    def call(self, content, seconds, patience):
        asked.append((content, patience))
        if len(asked) <= failures:
            raise _Status(grpc.StatusCode.UNAVAILABLE)
        return Echo().answer(HELLO).to_bytes()

    monkeypatch.setattr(CustodianConnection, "_call", call)
    connection = CustodianConnection(
        Endpoint.parse("unix:/run/s"), ready_seconds=1.0, restart_seconds=2.0
    )

    assert reason_of(connection.answer(HELLO)) is None
    content = HELLO.to_bytes()
    assert asked == [(content, 1.0), *[(content, 2.0)] * failures]


def test_a_custodian_that_dies_while_it_is_asked_is_found_again(tmp_path):
    """One is killed in its work, another one on the same socket answers."""
    folder = tmp_path / "run"
    socket = folder / "site.sock"
    script = (
        "import os, sys\n"
        "from client.custodian.endpoint import Endpoint\n"
        "from client.custodian.request_log import RequestLog\n"
        "from client.custodian.server import serve\n"
        "from tests.client.custodian.support import Echo\n"
        "class Dies(Echo):\n"
        "    def answer(self, request):\n"
        "        os.kill(os.getpid(), 9) if sys.argv[2] == 'dies' else None\n"
        "        return super().answer(request)\n"
        "endpoint = Endpoint.parse('unix:' + sys.argv[1])\n"
        "with serve(Dies(), endpoint, log=RequestLog()) as running:\n"
        "    print('ready', flush=True)\n"
        "    running.wait()\n"
    )

    def start(how):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(socket), how],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "ready\n"
        return process

    replies = []
    connection = CustodianConnection(Endpoint.parse(f"unix:{socket}"))
    with start("dies") as first:
        asking = threading.Thread(
            target=lambda: replies.append(connection.answer(HELLO))
        )
        asking.start()
        assert first.wait(SECONDS) == -signal.SIGKILL
    with start("answers") as second:
        asking.join()
        second.terminate()
        assert second.wait(SECONDS) == 0

    assert [reason_of(reply) for reply in replies] == [None]


def test_another_version_is_a_version_mismatch(monkeypatch, caplog):
    """The server reads the reason, the owner both versions."""
    monkeypatch.setattr(relay, "PROTOCOL_VERSION", 2)
    site = Echo()

    with door(site) as custodian:
        reply = custodian.ask()

    assert site.asked == [], "Rule 9: a request of another version was answered."
    assert reason_of(reply) == "version-mismatch"
    assert "speaks protocol version 1, the relay 2." in caplog.text


class _Status(grpc.RpcError):
    def __init__(self, code, details=""):
        self._code, self._details = code, details

    def code(self):
        return self._code

    def details(self):
        return self._details


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_is_a_closed_reason(code, monkeypatch, caplog):
    """Whatever the text of a status says, it goes nowhere."""

    def fail(self, *_):
        raise _Status(code, "secret.csv")

    monkeypatch.setattr(CustodianConnection, "_call", fail)
    reply = CustodianConnection(Endpoint.parse("unix:/run/s")).answer(HELLO)

    assert reason_of(reply) == {
        grpc.StatusCode.INVALID_ARGUMENT: "malformed-request",
        grpc.StatusCode.FAILED_PRECONDITION: "version-mismatch",
        grpc.StatusCode.UNIMPLEMENTED: "version-mismatch",
        grpc.StatusCode.RESOURCE_EXHAUSTED: "busy",
    }.get(code, "internal-error")
    assert code.name in caplog.text
    assert "secret" not in caplog.text + str(reply.fields)


@pytest.mark.parametrize(
    "content",
    [b"", b"no envelope", Envelope(kind=MessageKind.ROUND).to_bytes()],
    ids=["empty", "garbage", "another kind"],
)
def test_a_reply_that_cannot_be_read_is_an_internal_error(content, monkeypatch):
    """Only an envelope of the request's kind is a reply."""
    monkeypatch.setattr(CustodianConnection, "_call", lambda self, *_: content)

    reply = CustodianConnection(Endpoint.parse("unix:/run/s")).answer(HELLO)

    assert reply.kind is MessageKind.HELLO
    assert reason_of(reply) == "internal-error"


def test_a_reply_without_end_is_ended(monkeypatch):
    """The relay keeps no more than a reply may have."""
    monkeypatch.setattr(relay, "MOST_BYTES", 10)

    with door(Echo()) as custodian:
        assert reason_of(custodian.ask()) == "internal-error"


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 1e9, float("inf")])
def test_any_time_to_live_makes_a_deadline(seconds):
    """A message's time to live comes from the server; the custodian wants an end."""
    with door(Echo()) as custodian:
        connection = CustodianConnection(custodian.endpoint, seconds)
        assert reason_of(connection.answer(HELLO)) is None

    assert 0 < connection._deadline_seconds < LONGEST_DEADLINE_SECONDS
