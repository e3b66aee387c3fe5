"""The relay's side: a site behind a custodian's socket, as a ``SiteConnection``.

A custodian that goes away while it is asked is asked the same again once it is back:
its outbox has the reply, or nothing was released. Whatever else goes wrong becomes one
of the closed reasons of a refusal. The owner's log gets the name of gRPC's status, no
text that came over the wire.
"""

from __future__ import annotations

import io
import logging
import re
import time
from collections.abc import Iterator

import grpc
from google.protobuf.message import DecodeError

from client.custodian.endpoint import Endpoint
from client.custodian.protocol_pb2 import ReplyPart, RequestPart
from client.custodian.reach import AbsentError, wait_until_there
from client.custodian.tls import channel_credentials
from client.custodian.wire import (
    DEFAULT_DEADLINE_SECONDS,
    GRPC_MESSAGE_BYTES,
    LONGEST_DEADLINE_SECONDS,
    METHOD,
    MOST_BYTES,
    PROTOCOL_VERSION,
    UNKNOWN_SITE,
    in_parts,
    version_words,
)
from common.envelope import Envelope
from common.errors import InvalidReplyError
from common.messages import Refusal, RefusalReason

READY_SECONDS = 10.0  # for which a custodian may be away at first
RESTART_SECONDS = 60.0  # and when it went away while it was asked
ATTEMPTS = 3

_SHORTEST_DEADLINE_SECONDS = 5.0
_MARGIN_SECONDS = 60.0  # clocks of the two sides may differ
_OPTIONS = (
    ("grpc.max_receive_message_length", GRPC_MESSAGE_BYTES),
    ("grpc.max_send_message_length", GRPC_MESSAGE_BYTES),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),  # the environment's proxy is not for a site's door
    ("grpc.use_local_subchannel_pool", 1),  # no backoff of an earlier channel
)
_REASONS = {
    grpc.StatusCode.INVALID_ARGUMENT: RefusalReason.MALFORMED_REQUEST,
    grpc.StatusCode.FAILED_PRECONDITION: RefusalReason.VERSION_MISMATCH,
    # A custodian of another generation has another package, so no such method.
    grpc.StatusCode.UNIMPLEMENTED: RefusalReason.VERSION_MISMATCH,
    grpc.StatusCode.RESOURCE_EXHAUSTED: RefusalReason.BUSY,
}
_VERSIONS = re.compile(
    re.escape(version_words(custodian=-1, relay=-2))
    .replace(re.escape("-1"), r"([0-9]{1,10})")
    .replace(re.escape("-2"), r"([0-9]{1,10})")
)
_LOG = logging.getLogger(__name__)


class CustodianConnection:
    """Asks the custodian at an endpoint; implements ``SiteConnection``.

    Args:
        endpoint: where the custodian is.
        deadline_seconds: for a whole answer, training included; brought into a
            sensible range.
        ready_seconds: for which the custodian may be away at first.
        restart_seconds: for which it may be away once it went away.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
        *,
        ready_seconds: float = READY_SECONDS,
        restart_seconds: float = RESTART_SECONDS,
    ) -> None:
        self._endpoint = endpoint
        longest = LONGEST_DEADLINE_SECONDS - _MARGIN_SECONDS
        self._deadline_seconds = min(
            max(deadline_seconds, _SHORTEST_DEADLINE_SECONDS), longest
        )
        self._ready_seconds = ready_seconds
        self._restart_seconds = restart_seconds

    def answer(self, request: Envelope) -> Envelope:
        """Returns the custodian's reply, or a refusal where there is none.

        Raises:
            ConfigError: a certificate or key that cannot be used.
        """
        try:
            reply = Envelope.from_bytes(self._ask(request.to_bytes()))
        except AbsentError as error:
            _LOG.error("No custodian at %s: %s.", self._endpoint.target, error)
            return _refuse(request, RefusalReason.INTERNAL_ERROR)
        except grpc.RpcError as error:
            return _refuse(request, _reason(error))
        except (InvalidReplyError, DecodeError):
            _LOG.error("The custodian's reply cannot be read.")
            return _refuse(request, RefusalReason.INTERNAL_ERROR)
        if reply.kind is not request.kind:
            _LOG.error("The custodian's reply is of another kind.")
            return _refuse(request, RefusalReason.INTERNAL_ERROR)
        return reply

    def _ask(self, content: bytes) -> bytes:
        ends_at = time.monotonic() + self._deadline_seconds
        patience = self._ready_seconds
        for _ in range(ATTEMPTS - 1):
            try:
                return self._call(content, ends_at - time.monotonic(), patience)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            _LOG.warning("The custodian went away, and is asked again.")
            patience = self._restart_seconds
        return self._call(content, ends_at - time.monotonic(), patience)

    def _call(self, content: bytes, seconds: float, patience: float) -> bytes:
        """Asks once; ``patience`` seconds until the custodian is there."""
        ends_at = time.monotonic() + seconds
        wait_until_there(self._endpoint, min(patience, seconds))
        with self._channel() as channel:
            answer: grpc.StreamStreamMultiCallable[bytes, bytes] = (
                channel.stream_stream(METHOD)
            )
            remaining = ends_at - time.monotonic()
            parts = answer(_request_parts(content), timeout=remaining)
            reply = io.BytesIO()
            for serialised in parts:
                reply.write(ReplyPart.FromString(serialised).content)
                if reply.tell() > MOST_BYTES:
                    raise InvalidReplyError("A reply that does not end.")
            return reply.getvalue()

    def _channel(self) -> grpc.Channel:
        endpoint = self._endpoint
        if endpoint.tls is None:
            return grpc.insecure_channel(endpoint.target, options=_OPTIONS)
        credentials = channel_credentials(endpoint.tls)
        return grpc.secure_channel(endpoint.target, credentials, options=_OPTIONS)


def _request_parts(content: bytes) -> Iterator[bytes]:
    for part in in_parts(content):
        message = RequestPart(protocol_version=PROTOCOL_VERSION, content=part)
        yield message.SerializeToString()


def _reason(error: grpc.RpcError) -> RefusalReason:
    code = error.code()
    _LOG.error("The custodian did not answer: %s.", code.name)
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        versions = _VERSIONS.fullmatch(error.details() or "")
        if versions is not None:
            _LOG.error(
                "Update one of them: %s",
                version_words(custodian=int(versions[1]), relay=int(versions[2])),
            )
    return _REASONS.get(code, RefusalReason.INTERNAL_ERROR)


def _refuse(request: Envelope, reason: RefusalReason) -> Envelope:
    refusal = Refusal(kind=request.kind, site_name=UNKNOWN_SITE, reason=reason)
    return refusal.to_envelope()
