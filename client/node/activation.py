"""Whether the SuperLink lets a node's key in: by coming and going at once.

Flower has no way to ask. So the node is activated and deactivated, as its SuperNode
does at start and end, without fetching a message. This module knows Flower's own client
of the Fleet API, which is not public; a contract test holds what is used here.
"""

from __future__ import annotations

from enum import Enum

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from flwr.proto.fleet_pb2 import ActivateNodeRequest, DeactivateNodeRequest
from flwr.supercore.error import FlowerError
from flwr.supercore.interceptors.http.runtime_version import (
    RuntimeVersionHttpInterceptor,
)
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

_HEARTBEAT_SECONDS = 30.0
_NOT_LET_IN = 2004


class Admission(Enum):
    """What the SuperLink says to a key."""

    LET_IN = "let in"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


def try_admission(address: str, *, authority: str, key: bytes) -> Admission:
    """Returns whether the SuperLink lets a node in.

    Args:
        address: ``host:port``.
        authority: path of the authority's certificate.
        key: the node's private key, as it stands in ``node.key``.

    Raises:
        TypeError: a key of another kind.
        ValueError: no key.
    """
    private = load_ssh_private_key(key, password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("Expected an ECDSA key.")
    public = private.public_key()
    try:
        with FleetHttpClient.from_server_address(
            address,
            insecure=False,
            root_certificates=authority,
            interceptors=[
                RuntimeVersionHttpInterceptor(component_name="SuperNode"),
                NodeAuthHttpInterceptor(private, public),
            ],
        ) as client:
            node = client.ActivateNode(
                ActivateNodeRequest(
                    public_key=public_key_to_bytes(public),
                    heartbeat_interval=_HEARTBEAT_SECONDS,
                )
            )
            client.DeactivateNode(DeactivateNodeRequest(node_id=node.node_id))
    except httpx.HTTPStatusError as error:
        return _meaning(error)
    except (httpx.HTTPError, RuntimeError, OSError):
        return Admission.NO_ANSWER
    return Admission.LET_IN


def _meaning(error: httpx.HTTPStatusError) -> Admission:
    said = FlowerError.from_json(error.response.text)
    is_unknown = error.response.status_code == httpx.codes.UNAUTHORIZED
    is_refused = said is not None and said.code == _NOT_LET_IN
    return Admission.REFUSED if is_unknown or is_refused else Admission.NO_ANSWER
