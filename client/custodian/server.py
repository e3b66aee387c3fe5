"""Serves one site until it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import FrameType
from typing import Any, Self

import grpc

from client.custodian.endpoint import Endpoint
from client.custodian.health import health_handler
from client.custodian.hold import Hold
from client.custodian.rejection import Rejection
from client.custodian.request_log import RequestLog
from client.custodian.service import (
    MOST_AT_ONCE,
    RECEIVE_SECONDS,
    TURN_SECONDS,
    Answering,
)
from client.custodian.tls import server_credentials
from client.custodian.unix_socket import bind_socket, remove_socket
from client.custodian.wire import (
    GRPC_MESSAGE_BYTES,
    LONGEST_DEADLINE_SECONDS,
    UNKNOWN_SITE,
)
from common.envelope import SiteConnection
from common.errors import ConfigError

# Some more than may ask the site, so that health checks and refusals have a thread.
_MOST_CALLS = 2 * MOST_AT_ONCE
_ONLY_IDENTITY = 1
_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", GRPC_MESSAGE_BYTES),
    ("grpc.max_send_message_length", GRPC_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", _MOST_CALLS),
    # A part's size is limited as it comes; compressed, it could grow a thousandfold.
    ("grpc.compression_enabled_algorithms_bitset", _ONLY_IDENTITY),
    # Or two custodians could share one port.
    ("grpc.so_reuseport", 0),
)
_Handler = Any  # the stubs say that there always is one
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class RunningCustodian:
    """A custodian that answers; a context manager that stops it at the end.

    Made by :func:`serve`.

    Attributes:
        endpoint: where it listens, with the real port.
    """

    def __init__(
        self, server: grpc.Server, threads: ThreadPoolExecutor, endpoint: Endpoint
    ) -> None:
        self._server = server
        self._threads = threads
        self._is_told = threading.Event()
        self.endpoint = endpoint

    def stop(self) -> None:
        """Takes no further request; the one in flight is finished. Returns at once."""
        self._is_told.set()

    def wait(self) -> None:
        """Returns once it was told to stop and the request in flight is finished.

        In the main thread SIGTERM and SIGINT tell it so while this waits.
        """
        if threading.current_thread() is not threading.main_thread():
            self._wait()
            return
        before = {one: signal.signal(one, self._on_signal) for one in _SIGNALS}
        try:
            self._wait()
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.wait()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stop()

    def _wait(self) -> None:
        self._is_told.wait()
        self._server.stop(LONGEST_DEADLINE_SECONDS).wait()
        # The work for a client that has gone is no call any more, and goes on.
        self._threads.shutdown(wait=True)
        if self.endpoint.socket is not None:
            remove_socket(self.endpoint.socket)


def serve(
    site: SiteConnection,
    endpoint: Endpoint,
    *,
    log: RequestLog,
    site_name: str = UNKNOWN_SITE,
    hold_seconds: float = 0.0,
    turn_seconds: float = TURN_SECONDS,
    receive_seconds: float = RECEIVE_SECONDS,
    is_healthy: Callable[[], bool] = lambda: True,
) -> RunningCustodian:
    """Starts to answer for a site, and returns at once.

    Args:
        site: answers, one request at a time.
        endpoint: where to listen.
        log: gets one line for every request.
        site_name: for the refusals that the site does not make itself.
        hold_seconds: after which every reply leaves, or at the next multiple; 0 at
            once.
        turn_seconds: for which a request waits for the one before it, before it is
            refused as busy.
        receive_seconds: for which a request may take to arrive.
        is_healthy: for the health service; a ledger that was unavailable for the last
            request is unhealthy in any case.

    Raises:
        ConfigError: a socket, port or certificate that cannot be used.
    """
    answering = Answering(
        site,
        log=log,
        site_name=site_name,
        hold=Hold(seconds=hold_seconds),
        turn_seconds=turn_seconds,
        receive_seconds=receive_seconds,
    )
    health = health_handler(lambda: answering.is_ledger_available and is_healthy())
    threads = ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix="custodian")
    server = grpc.server(
        threads,
        handlers=[answering.handler(), health],
        interceptors=[_UnknownMethods(log)],
        options=_OPTIONS,
        maximum_concurrent_rpcs=_MOST_CALLS,
    )
    bound = _bind(server, endpoint)
    server.start()
    return RunningCustodian(server, threads, bound)


class _UnknownMethods(grpc.ServerInterceptor):
    """Notes calls of methods that are not there, which gRPC answers by itself."""

    def __init__(self, log: RequestLog) -> None:
        self._log = log

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        handler = continuation(handler_call_details)
        if handler is None:
            self._log.rejected(Rejection.UNKNOWN_METHOD)
        return handler


def _bind(server: grpc.Server, endpoint: Endpoint) -> Endpoint:
    if endpoint.socket is not None:
        bind_socket(
            endpoint.socket,
            endpoint.group,
            lambda: server.add_insecure_port(endpoint.target),
        )
        return endpoint
    assert endpoint.tls is not None  # an endpoint checks itself: never TCP without TLS
    credentials = server_credentials(endpoint.tls)
    try:
        port = server.add_secure_port(endpoint.target, credentials)
    except RuntimeError as error:
        raise ConfigError(
            f"The address {endpoint.address!r} cannot be bound: it is taken, or not "
            "one of this machine. The custodian does not start."
        ) from error
    host, _, _ = endpoint.address.rpartition(":")
    return replace(endpoint, address=f"{host}:{port}")
