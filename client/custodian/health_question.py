"""Asks a custodian whether it is well; nothing of a run is said or learnt."""

from __future__ import annotations

from enum import Enum

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from client.custodian.endpoint import Endpoint
from client.custodian.health import HEALTH_SERVICE
from client.custodian.tls import channel_credentials

_METHOD = f"/{HEALTH_SERVICE}/Check"
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # as for requests: no proxy at a site's door
    ("grpc.use_local_subchannel_pool", 1),
)


class Health(Enum):
    """What a custodian says of itself."""

    WELL = "well"
    LEDGER_AWAY = "ledger away"
    NO_ANSWER = "no answer"


def ask_health(endpoint: Endpoint, seconds: float) -> Health:
    """Returns what the custodian at an endpoint says, within so many seconds.

    Args:
        endpoint: where somebody listens.
        seconds: for which to wait for an answer.

    Raises:
        ConfigError: a certificate or key that cannot be used.
    """
    with _channel(endpoint) as channel:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_METHOD)
        question = HealthCheckRequest().SerializeToString()
        try:
            answer = HealthCheckResponse.FromString(check(question, timeout=seconds))
        except (grpc.RpcError, DecodeError):
            return Health.NO_ANSWER
    is_well = answer.status == HealthCheckResponse.SERVING
    return Health.WELL if is_well else Health.LEDGER_AWAY


def _channel(endpoint: Endpoint) -> grpc.Channel:
    if endpoint.tls is None:
        return grpc.insecure_channel(endpoint.target, options=_OPTIONS)
    credentials = channel_credentials(endpoint.tls)
    return grpc.secure_channel(endpoint.target, credentials, options=_OPTIONS)
