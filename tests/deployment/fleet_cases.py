"""Requests to the Fleet API that must be refused, and the lawful ones beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.deployment.fleet_requests import (
    PUBLIC_KEY,
    SIGNATURE,
    TIMESTAMP,
    NodeKey,
    activate,
    fleet,
    of_node,
    signed_headers,
)
from tests.deployment.impostors import Request, http
from tests.deployment.refusing import Refusing

# Flower takes what is at most 5 minutes and 5 seconds old, and 5 seconds ahead.
TOO_OLD = -310.0
TOO_NEW = 60.0
HUGE_MIB = 300
GARBAGE = "bm90IGEga2V5"
OF_NODES = {
    "send a heartbeat": ("send-node-heartbeat", "SendNodeHeartbeatRequest"),
    "pull messages": ("pull-messages", "PullMessagesRequest"),
    "push replies": ("push-messages", "PushMessagesRequest"),
    "leave": ("deactivate-node", "DeactivateNodeRequest"),
    "be deleted": ("unregister-node", "UnregisterNodeFleetRequest"),
    "read the run": ("get-run", "GetRunRequest"),
    "fetch the app": ("get-fab", "GetFabRequest"),
    "push an object": ("push-object", "PushObjectRequest"),
    "pull an object": ("pull-object", "PullObjectRequest"),
    "confirm": ("confirm-message-received", "ConfirmMessageReceivedRequest"),
}


def activating(key: NodeKey, headers: Mapping[str, str], **changes: Any) -> Request:
    """Returns a request to come online with a key."""
    return fleet("activate-node", dict(headers), activate(key), **changes)


def as_node(what: str, key: NodeKey, node_id: int) -> Request:
    """Returns a request that a key makes in the name of a node."""
    path, kind = OF_NODES[what]
    return fleet(path, signed_headers(key), of_node(kind, node_id))


def lawful(refusing: Refusing) -> dict[str, Request]:
    """What the first site's node says when it comes: it is answered."""
    key, node_id = refusing.keys[0], refusing.ids[0]
    return {
        "activate": activating(key, signed_headers(key)),
        "pull messages": as_node("pull messages", key, node_id),
    }


def revoked(refusing: Refusing) -> dict[str, Request]:
    """What the second site's node says once it was shut out."""
    key, node_id = refusing.keys[1], refusing.ids[1]
    return {"activate": activating(key, signed_headers(key))} | {
        what: as_node(what, key, node_id) for what in OF_NODES
    }


def replayed(refusing: Refusing) -> dict[str, Request]:
    """Two different requests of the first site's node with one signature."""
    headers = signed_headers(refusing.keys[0])
    return {
        what: fleet(
            OF_NODES[what][0], headers, of_node(OF_NODES[what][1], refusing.ids[0])
        )
        for what in ("send a heartbeat", "pull messages")
    }


def _in_another_name(what: str) -> Callable[[Refusing], Request]:
    return lambda refusing: as_node(what, refusing.keys[0], refusing.ids[1])


def _headers(**changes: str) -> Callable[[Refusing], Request]:
    """A lawful request to come online in which headers are others, or missing."""
    names = {"key": PUBLIC_KEY, "time": TIMESTAMP, "signature": SIGNATURE}

    def make(refusing: Refusing) -> Request:
        key = refusing.keys[0]
        headers = signed_headers(key)
        headers |= {names[name]: value for name, value in changes.items()}
        return activating(key, headers)

    return make


def _at(seconds: float) -> Callable[[Refusing], Request]:
    return lambda refusing: activating(
        refusing.keys[0], signed_headers(refusing.keys[0], seconds=seconds)
    )


def _unknown(_: Refusing) -> Request:
    key = NodeKey.new()
    return activating(key, signed_headers(key))


def _unknown_as_nobody(_: Refusing) -> Request:
    return as_node("pull messages", NodeKey.new(), 0)


def _unknown_as_first(refusing: Refusing) -> Request:
    return as_node("pull messages", NodeKey.new(), refusing.ids[0])


def _signature_of_another_time(refusing: Refusing) -> Request:
    key = refusing.keys[0]
    old = signed_headers(key, seconds=-1)
    return activating(key, signed_headers(key) | {SIGNATURE: old[SIGNATURE]})


def _signed_by_another(refusing: Refusing) -> Request:
    first, second = refusing.keys
    signed = signed_headers(second)
    return activating(first, signed | {PUBLIC_KEY: signed_headers(first)[PUBLIC_KEY]})


def _activates_another(refusing: Refusing) -> Request:
    first, second = refusing.keys
    return activating(second, signed_headers(first))


def _registers_itself(_: Refusing) -> Request:
    from flwr.proto.fleet_pb2 import RegisterNodeFleetRequest  # noqa: PLC0415

    key = NodeKey.new()
    body = RegisterNodeFleetRequest(public_key=key.public).SerializeToString()
    return fleet("register-node", signed_headers(key), body)


def _raw(make: Callable[[dict[str, str], bytes], bytes], **how: Any) -> Any:
    def build(refusing: Refusing) -> Request:
        key = refusing.keys[0]
        return Request(raw=make(signed_headers(key), activate(key)), **how)

    return build


_ACTIVATE = "/v1/fleet/activate-node"
_CHUNKED = {"Transfer-Encoding": "chunked", "Content-Length": ""}

REFUSED: dict[str, Callable[[Refusing], Request]] = {
    "no headers": lambda refusing: activating(refusing.keys[0], {}),
    "no key": _headers(key=""),
    "no time": _headers(time=""),
    "no signature": _headers(signature=""),
    "a key that is none": _headers(key=GARBAGE),
    "a key that is no base64": _headers(key="***"),
    "a signature that is none": _headers(signature=GARBAGE),
    "a time that is none": _headers(time="yesterday"),
    "an unknown key": _unknown,
    "an unknown key as node 0": _unknown_as_nobody,
    "an unknown key as the first node": _unknown_as_first,
    "a signature of another time": _signature_of_another_time,
    "a signature by another key": _signed_by_another,
    "a signature too old": _at(TOO_OLD),
    "a signature too new": _at(TOO_NEW),
    "another's key to come online": _activates_another,
    **{f"another's node to {what}": _in_another_name(what) for what in OF_NODES},
    "register itself": _registers_itself,
    "delete itself": lambda refusing: as_node(
        "be deleted", refusing.keys[0], refusing.ids[0]
    ),
    "come online twice": lambda refusing: activating(
        refusing.keys[0], signed_headers(refusing.keys[0])
    ),
    "garbage for a message": _raw(
        lambda heads, _: http(_ACTIVATE, headers=heads, body=b"\xff" * 99)
    ),
    "an empty message": _raw(lambda heads, _: http(_ACTIVATE, headers=heads)),
    "another content type": _raw(
        lambda heads, body: http(
            _ACTIVATE, headers=heads | {"Content-Type": "application/json"}, body=body
        )
    ),
    "GET": _raw(lambda heads, _: http(_ACTIVATE, method="GET", headers=heads)),
    "plain HTTP": _raw(
        lambda heads, body: http(_ACTIVATE, headers=heads, body=body), is_tls=False
    ),
    "no HTTP": _raw(lambda *_: bytes(range(256))),
    "a size too large": _raw(
        lambda heads, _: http(
            _ACTIVATE, headers=heads | {"Content-Length": str(HUGE_MIB << 20)}
        )
    ),
    "a message too large": _raw(
        lambda heads, _: http(_ACTIVATE, headers=heads | _CHUNKED), chunks=HUGE_MIB
    ),
    "a path that is none": _raw(
        lambda heads, body: http("/v1/fleet/none", headers=heads, body=body)
    ),
}
