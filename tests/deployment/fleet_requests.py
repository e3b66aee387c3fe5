"""Requests to the Fleet API: signed as a SuperNode signs them, or nearly so."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from tests.deployment.impostors import Request, http

PUBLIC_KEY = "flwr-public-key"
TIMESTAMP = "flwr-timestamp"
SIGNATURE = "flwr-signature"
HEARTBEAT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class NodeKey:
    """A key that a node may have.

    Attributes:
        private: the whole of it.
    """

    private: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls) -> NodeKey:
        """Returns a key that nobody has admitted."""
        return cls(private=ec.generate_private_key(ec.SECP384R1()))

    @classmethod
    def read(cls, path: Path) -> NodeKey:
        """Returns the key that ``fedstill site join`` has made."""
        return cls(private=load_ssh_private_key(path.read_bytes(), password=None))

    @property
    def public(self) -> bytes:
        """The public half as Flower sends it."""
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, text: str) -> bytes:
        """Returns a signature as Flower makes it."""
        return self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256()))


def signed_headers(key: NodeKey, *, seconds: float = 0.0) -> dict[str, str]:
    """Returns the three headers of a SuperNode's request.

    Args:
        key: of the node.
        seconds: how far the timestamp is from now.
    """
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    timestamp = at.isoformat()
    return {
        PUBLIC_KEY: b64encode(key.public).decode(),
        TIMESTAMP: timestamp,
        SIGNATURE: b64encode(key.sign(timestamp)).decode(),
    }


def fleet(path: str, headers: dict[str, str], body: bytes, **changes) -> Request:
    """Returns a request to the Fleet API."""
    return Request(raw=http(f"/v1/fleet/{path}", headers=headers, body=body, **changes))


def activate(key: NodeKey) -> bytes:
    """Returns what a node says when it comes."""
    from flwr.proto.fleet_pb2 import ActivateNodeRequest  # noqa: PLC0415

    message = ActivateNodeRequest(
        public_key=key.public, heartbeat_interval=HEARTBEAT_SECONDS
    )
    return message.SerializeToString()


def of_node(name: str, node_id: int, **fields) -> bytes:
    """Returns a message of Flower's that names a node."""
    from flwr.proto import (  # noqa: PLC0415
        fab_pb2,
        fleet_pb2,
        heartbeat_pb2,
        message_pb2,
        node_pb2,
        run_pb2,
    )

    modules = (fab_pb2, fleet_pb2, heartbeat_pb2, message_pb2, run_pb2)
    kind = next(getattr(one, name) for one in modules if hasattr(one, name))
    if "node" in kind.DESCRIPTOR.fields_by_name:
        fields["node"] = node_pb2.Node(node_id=node_id)
    else:
        fields["node_id"] = node_id
    if "heartbeat_interval" in kind.DESCRIPTOR.fields_by_name:
        fields["heartbeat_interval"] = HEARTBEAT_SECONDS
    return kind(**fields).SerializeToString()
