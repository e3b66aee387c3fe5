"""The guard: what a stranger reaches, and what only this machine does."""

import asyncio
import logging

import pytest

from server.deployment import path_guard
from server.deployment.path_guard import guard, is_public_path

RULE = "Rule 9: nobody but this machine starts a run."
STRANGER = ("10.0.0.5", 40000)
HERE = ("127.0.0.1", 40000)


class Inner:
    """Stands for the SuperLink: remembers who came, reads all of what they brought."""

    def __init__(self):
        self.paths = []
        self.events = []

    async def __call__(self, scope, receive, send):
        self.paths.append(scope.get("path"))
        if scope["type"] != "http":
            return
        while True:
            event = await receive()
            self.events.append(event)
            if not event.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})


def ask(path, *, client=STRANGER, kind="http", headers=(), raw=None, bodies=(b"",)):
    """Returns (the SuperLink's double, what the client was sent)."""
    scope = {
        "type": kind,
        "method": "POST",
        "path": path,
        "raw_path": path.encode() if raw is None else raw,
        "root_path": "",
        "client": client,
        "headers": list(headers),
    }
    last = len(bodies) - 1
    events = [
        {"type": "http.request", "body": body, "more_body": number < last}
        for number, body in enumerate(bodies)
    ]
    inner, sent = Inner(), []

    async def receive():
        return events.pop(0) if events else {"type": "http.disconnect"}

    async def send(event):
        sent.append(event)

    asyncio.run(guard(inner)(scope, receive, send))
    return inner, sent


@pytest.mark.parametrize("path", ["/health", "/v1/fleet/pull-messages"])
def test_strangers_reach_what_a_site_needs(path):
    """The Fleet API and the health check pass through unchanged."""
    inner, sent = ask(path, bodies=(b"soft", b"labels"))

    assert inner.paths == [path]
    assert [event["body"] for event in inner.events] == [b"soft", b"labels"]
    assert sent[-1]["body"] == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/control/start-run",
        "/v1/runtime/acquire-task",
        "/docs",
        "/openapi.json",
        "/",
        "",
        "*",
        "/healthy",
        "/health/",
        "/HEALTH",
        "/v1/fleet",
        "/v1/fleet/",
        "/v1/fleets/pull-messages",
        "/V1/fleet/pull-messages",
        "//v1/fleet/pull-messages",
        "/v1/fleet//pull-messages",
        "/v1/fleet/../control/start-run",
        "/v1/fleet/./pull-messages",
        "/v1/fleet/a/..",
        "/v1/fleet/a..b",
        "/v1/fleet/%2e%2e/control/start-run",
        "/v1/fleet/..\\control",
        "/v1/fleet/pull-messages;x",
        "/v1/fleet/pull-messages\n",
        "/v1/fleet/pull messages",
        "/v1/fleet/пull",
    ],
)
def test_strangers_find_nothing_else(path):
    """404 without a body, and the SuperLink never sees the request."""
    inner, sent = ask(path)

    assert inner.paths == [], f"{RULE} {path}"
    assert sent[0]["status"] == 404
    assert sent[1] == {"type": "http.response.body", "body": b""}
    assert not is_public_path(path)


def test_a_path_that_was_written_otherwise_is_not_found():
    """A public path after decoding is not enough: the request had escapes in it."""
    inner, sent = ask(
        "/v1/fleet/pull-messages", raw=b"/v1/control/%2e%2e/fleet/pull-messages"
    )

    assert inner.paths == [], RULE
    assert sent[0]["status"] == 404


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_reaches_everything(address):
    """Control and Runtime API are for the loopback addresses."""
    inner, _ = ask("/v1/control/start-run", client=(address, 1))

    assert inner.paths == ["/v1/control/start-run"]


@pytest.mark.parametrize(
    "client",
    [
        None,
        ("", 1),
        ("127.0.0.2", 1),
        ("127.0.0.1.example", 1),
        ("localhost", 1),
        ("::ffff:10.0.0.5", 1),
        ("0.0.0.0", 1),
    ],
)
def test_whoever_is_not_exactly_this_machine_is_a_stranger(client):
    """An address that only looks like loopback, or none at all, opens nothing."""
    inner, sent = ask("/v1/control/start-run", client=client)

    assert inner.paths == [], f"{RULE} {client}"
    assert sent[0]["status"] == 404


def test_nobody_in_particular_reaches_nothing():
    """Without an address not even the Fleet API."""
    inner, _ = ask("/v1/fleet/pull-messages", client=None)

    assert inner.paths == []


def test_a_strangers_websocket_is_closed():
    """No site needs one, on whatever path."""
    inner, sent = ask("/v1/fleet/pull-messages", kind="websocket")

    assert inner.paths == []
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_servers_own_events_pass():
    """Start and stop of the application belong to no client."""
    inner, _ = ask("", client=None, kind="lifespan")

    assert inner.paths == [""]


@pytest.mark.parametrize("length", [b"268435457", b"9" * 5000, b"-1", b"1e3"])
def test_a_body_that_is_announced_too_long_is_refused(length):
    """413, before a byte of it is read."""
    inner, sent = ask("/v1/fleet/push-object", headers=[(b"content-length", length)])

    assert inner.paths == []
    assert sent[0]["status"] == 413


def test_the_longest_body_passes():
    """256 MiB are allowed."""
    inner, _ = ask("/v1/fleet/push-object", headers=[(b"content-length", b"268435456")])

    assert inner.paths == ["/v1/fleet/push-object"]


def test_a_body_that_grows_too_long_is_cut_off(monkeypatch, caplog):
    """Chunks announce no length, so they are counted; it is told once."""
    monkeypatch.setattr(path_guard, "MOST_BYTES", 10)

    with caplog.at_level(logging.WARNING):
        inner, _ = ask("/v1/fleet/push-object", bodies=(b"12345", b"67890", b"1", b"2"))

    assert [event["type"] for event in inner.events] == [
        "http.request",
        "http.request",
        "http.disconnect",
    ]
    (record,) = caplog.records
    assert record.getMessage().endswith("from 10.0.0.5: too large")


def test_a_refusal_is_one_line_in_the_log(caplog):
    """What a stranger writes cannot start a new line, colour it or flood it."""
    with caplog.at_level(logging.WARNING):
        ask("/v1/control/\n2026 INFO all is well\x1b[31m" + "a" * 500)

    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith("Refused POST /v1/control/?2026 INFO all is well?[31maaa")
    assert text.endswith("... from 10.0.0.5: not public")
    assert len(text) < 150
