"""The standard health service, without its endless ``Watch``.

A watcher would keep one of the few places for itself; its clients fall back to
``Check`` where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from client.custodian.wire import SERVICE

HEALTH_SERVICE = "grpc.health.v1.Health"
_NAMES = ("", SERVICE)


def health_handler(is_healthy: Callable[[], bool]) -> grpc.GenericRpcHandler:
    """Returns the health service.

    Args:
        is_healthy: asked for every check.
    """

    def check(serialised: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            name = HealthCheckRequest.FromString(serialised).service
        except DecodeError:
            name = None
        if name not in _NAMES:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown-service")
        try:
            is_serving = is_healthy()
        except Exception:  # noqa: BLE001  # no text may leave
            is_serving = False
        status = (
            HealthCheckResponse.SERVING
            if is_serving
            else HealthCheckResponse.NOT_SERVING
        )
        content: bytes = HealthCheckResponse(status=status).SerializeToString()
        return content

    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        check
    )
    return grpc.method_handlers_generic_handler(HEALTH_SERVICE, {"Check": method})
