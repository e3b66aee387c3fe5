"""A site's double behind a real server, and a client that may misbehave."""

from __future__ import annotations

import io
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc

from client.custodian.connection import CustodianConnection
from client.custodian.endpoint import Endpoint
from client.custodian.protocol_pb2 import ReplyPart, RequestPart
from client.custodian.request_log import RequestLog
from client.custodian.server import serve
from client.custodian.wire import METHOD, PROTOCOL_VERSION
from common.envelope import Envelope, MessageKind
from common.messages import Refusal, RefusalReason

SECONDS = 20.0
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
HELLO = Envelope(kind=MessageKind.HELLO, fields={"run_id": "run-1"})


class Echo:
    """A site that answers with what it was asked, and counts."""

    def __init__(self):
        self.asked = []

    def answer(self, request):
        self.asked.append(request)
        return Envelope(
            kind=request.kind, arrays=request.arrays, fields={"ledger_entries": 7}
        )


class Slow(Echo):
    """A site that answers when it is released."""

    def __init__(self):
        super().__init__()
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    def answer(self, request):
        self.has_begun.set()
        assert self.may_end.wait(SECONDS)
        return super().answer(request)


class Fails:
    """A site that breaks its promise never to raise."""

    def answer(self, request):
        raise RuntimeError("/home/owner/secret.csv")


class Refuses:
    """A site that refuses."""

    def __init__(self, reason=RefusalReason.UNKNOWN_RUN):
        self.reason = reason

    def answer(self, request):
        return Refusal(
            kind=request.kind, site_name="site-00", reason=self.reason
        ).to_envelope()


class Context:
    """A call's context, without gRPC."""

    def __init__(self, *, is_active=True):
        self._is_active = is_active
        self.aborted = None

    def time_remaining(self):
        return SECONDS

    def is_active(self):
        return self._is_active

    def cancel(self):
        pass

    def add_callback(self, callback):
        return True

    def abort(self, code, details):
        self.aborted = (code, details)
        raise RuntimeError


class Log:
    """A request log that keeps reasons."""

    def __init__(self):
        self.reasons = []

    def replied(self, request, reply, **sizes):
        self.reasons.append(reply.fields.get("refusal"))

    def rejected(self, rejection, request=None, **sizes):
        self.reasons.append(rejection.reason)


class Door:
    """A custodian in this process.

    Attributes:
        endpoint: where it listens.
        running: the custodian.
    """

    def __init__(self, running, stream):
        self.running = running
        self.endpoint = running.endpoint
        self._stream = stream

    def lines(self):
        """The request log."""
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def connection(self, **options):
        """The relay's side."""
        return CustodianConnection(self.endpoint, SECONDS, **options)

    def ask(self, request=HELLO):
        """Asks as the relay does."""
        return self.connection().answer(request)

    def call(self, parts, *, method=METHOD, timeout=SECONDS, **options):
        """Returns the status and its text, as a client that does what it likes."""
        with self.channel() as channel:
            stream = channel.stream_stream(method)(
                iter(parts), timeout=timeout, **options
            )
            try:
                return grpc.StatusCode.OK, list(stream)
            except grpc.RpcError as error:
                return error.code(), error.details()

    def channel(self):
        return grpc.insecure_channel(
            self.endpoint.target, options=[("grpc.use_local_subchannel_pool", 1)]
        )


@contextmanager
def door(site, **options) -> Iterator[Door]:
    """A custodian on a socket of its own; pytest's folders may have too long names."""
    with tempfile.TemporaryDirectory(prefix="fedstill-") as folder:
        endpoint = Endpoint.parse(f"unix:{Path(folder).resolve()}/run/site.sock")
        stream = io.StringIO()
        log = RequestLog(stream, clock=lambda: NOW)
        with serve(site, endpoint, log=log, site_name="site-00", **options) as running:
            yield Door(running, stream)


def part(content=b"x", version=PROTOCOL_VERSION):
    return RequestPart(protocol_version=version, content=content).SerializeToString()


def parts_of(request):
    return [part(request.to_bytes())]


def content_of(parts):
    return b"".join(ReplyPart.FromString(one).content for one in parts)
