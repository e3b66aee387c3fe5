"""The one method of the custodian's service: a request in parts, its reply in parts."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator

import grpc

from client.custodian.hold import Hold
from client.custodian.protocol_pb2 import ReplyPart
from client.custodian.receiving import Exchange, receive
from client.custodian.rejection import RejectedError, Rejection
from client.custodian.request_log import RequestLog
from client.custodian.wire import ANSWER, MOST_BYTES, SERVICE, UNKNOWN_SITE, in_parts
from common.envelope import Envelope, SiteConnection
from common.failpoints import failpoint
from common.messages import Refusal, RefusalReason

MOST_AT_ONCE = 4  # requests that arrive, wait or are answered
TURN_SECONDS = 30.0
RECEIVE_SECONDS = 60.0
SEND_SECONDS = 60.0

_LOG = logging.getLogger(__name__)


class Answering:
    """Lets one request at a time through to the site.

    The work goes on when its client has gone: the reply is in the site's outbox.

    Args:
        site: answers.
        log: gets one line for every request.
        site_name: for refusals that the site does not make itself.
        hold: when replies leave.
        turn_seconds: for which a request waits for the one before it.
        receive_seconds: for which a request may take to arrive whole.
    """

    def __init__(
        self,
        site: SiteConnection,
        *,
        log: RequestLog,
        site_name: str = UNKNOWN_SITE,
        hold: Hold | None = None,
        turn_seconds: float = TURN_SECONDS,
        receive_seconds: float = RECEIVE_SECONDS,
    ) -> None:
        self._site = site
        self._log = log
        self._site_name = site_name
        self._hold = hold or Hold()
        self._turn_seconds = turn_seconds
        self._receive_seconds = receive_seconds
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self.is_ledger_available = True

    def handler(self) -> grpc.GenericRpcHandler:
        """Returns what a gRPC server needs; parts are parsed here, not by gRPC."""
        method: grpc.RpcMethodHandler[bytes, bytes] = (
            grpc.stream_stream_rpc_method_handler(self.answer)
        )
        return grpc.method_handlers_generic_handler(SERVICE, {ANSWER: method})

    def answer(
        self, parts: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Yields the reply's parts; whatever goes wrong leaves as a closed status."""
        exchange = Exchange()
        try:
            reply = self._reply_to(parts, context, exchange)
        except RejectedError as error:
            rejected = error
        except Exception as error:  # noqa: BLE001  # its text may hold a value
            _log_place(error)
            rejected = RejectedError(Rejection.INTERNAL_ERROR)
        else:
            yield from _sent(reply, context)
            return
        self._log.rejected(
            rejected.rejection, exchange.request, bytes_in=exchange.bytes_in
        )
        context.abort(rejected.rejection.code, rejected.words)

    def _reply_to(
        self,
        parts: Iterator[bytes],
        context: grpc.ServicerContext,
        exchange: Exchange,
    ) -> bytes:
        if not self._places.acquire(blocking=False):
            raise RejectedError(Rejection.TOO_MANY)
        try:
            receive(parts, context, exchange, seconds=self._receive_seconds)
            arrived = self._hold.clock()
            assert exchange.request is not None
            failpoint("custodian.after-request")
            reply = self._in_turn(exchange.request, arrived, context)
        finally:
            self._places.release()
        content = reply.to_bytes()
        if len(content) > MOST_BYTES:
            raise RejectedError(Rejection.INTERNAL_ERROR)
        self._log.replied(
            exchange.request,
            reply,
            bytes_in=exchange.bytes_in,
            bytes_out=len(content),
        )
        return content

    def _in_turn(
        self, request: Envelope, arrived: float, context: grpc.ServicerContext
    ) -> Envelope:
        remaining = context.time_remaining() or 0.0
        if not self._turn.acquire(timeout=min(self._turn_seconds, remaining)):
            self._hold.wait(arrived)
            return self._busy(request)
        try:
            if not context.is_active():  # gone while it waited: nothing has begun
                raise RejectedError(Rejection.CUT_OFF)
            return self._asked(request)
        finally:
            # Inside the turn: when the next request is answered would tell how long
            # this one took.
            self._hold.wait(arrived)
            self._turn.release()

    def _asked(self, request: Envelope) -> Envelope:
        reply = self._site.answer(request)
        unavailable = RefusalReason.LEDGER_UNAVAILABLE.value
        self.is_ledger_available = reply.fields.get("refusal") != unavailable
        return reply

    def _busy(self, request: Envelope) -> Envelope:
        return Refusal(
            kind=request.kind, site_name=self._site_name, reason=RefusalReason.BUSY
        ).to_envelope()


def _sent(content: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    """Yields a reply's parts, and cancels the call of a client that does not read."""
    timer = threading.Timer(SEND_SECONDS, context.cancel)
    timer.daemon = True
    timer.start()
    context.add_callback(_after_reply)
    failpoint("custodian.before-reply")
    try:
        parts = in_parts(content)
        yield _serialised(next(parts))
        failpoint("custodian.mid-reply")  # the stream's end is not sent in any case
        for part in parts:
            yield _serialised(part)
    finally:
        timer.cancel()


def _serialised(content: bytes) -> bytes:
    return ReplyPart(content=content).SerializeToString()


def _after_reply() -> None:
    failpoint("custodian.after-reply")


def _log_place(error: Exception) -> None:
    """Tells the owner where it failed: a place in the code, no value."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    _LOG.error(
        "The custodian failed: %s in %s, line %s.",
        type(error).__name__,
        place.name,
        place.lineno,
    )
