"""What of the SuperLink's one port a stranger can reach: the Fleet API and its health.

Flower serves three APIs on one port. The Fleet API knows the nodes by their keys; the
Control API, which starts runs on every site, knows nobody. So all but this machine is
shut out of everything that a site does not need.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# A node sends soft labels in pieces of some MiB.
MOST_BYTES = 256 * 2**20
_LOCAL = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
_HEALTH = "/health"
_FLEET = re.compile(r"/v1/fleet(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
_LETTERS_TOLD = 80
_NOT_FOUND = 404
_TOO_LARGE = 413
_POLICY_VIOLATION = 1008
_LOG = logging.getLogger(__name__)


def guard(app: App) -> App:
    """Returns an ASGI application that shows strangers the public paths of another.

    Args:
        app: the application; this machine reaches all of it.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_local(scope):
            await app(scope, receive, send)
        elif not _is_public(scope):
            _warn(scope, "not public")
            await _refuse(scope, receive, send, _NOT_FOUND)
        elif _announced_bytes(scope) > MOST_BYTES:
            _warn(scope, "too large")
            await _refuse(scope, receive, send, _TOO_LARGE)
        else:
            await app(scope, _limited(scope, receive), send)

    return guarded


def is_public_path(path: str) -> bool:
    """Returns whether a site needs a path.

    Args:
        path: as it stands in the request, and as it was decoded: both must be public.
    """
    is_fleet = _FLEET.fullmatch(path) is not None and ".." not in path
    return is_fleet or path == _HEALTH


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    return client[0] in _LOCAL if client else False


def _is_public(scope: Scope) -> bool:
    if scope["type"] != "http" or not scope.get("client") or scope.get("root_path"):
        return False
    raw = scope.get("raw_path")
    decoded = scope["path"]
    written = decoded if raw is None else raw.decode("latin-1").partition("?")[0]
    return is_public_path(decoded) and written == decoded


def _announced_bytes(scope: Scope) -> int:
    told = [one for name, one in scope.get("headers", ()) if name == b"content-length"]
    return max(map(_number, told), default=0)


def _number(digits: bytes) -> int:
    # What is no number of a sensible length is too much.
    is_sensible = digits.isdigit() and len(digits) <= len(str(MOST_BYTES))
    return int(digits) if is_sensible else MOST_BYTES + 1


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Ends a request whose body is too long without having said so."""
    received = 0

    async def limited() -> Event:
        nonlocal received
        event = await receive()
        before = received
        received += len(event.get("body", b""))
        if received <= MOST_BYTES:
            return event
        if before <= MOST_BYTES:
            _warn(scope, "too large")
        return {"type": "http.disconnect"}

    return limited


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _warn(scope: Scope, reason: str) -> None:
    client = scope.get("client")
    _LOG.warning(
        "Refused %s %s from %s: %s",
        _printable(scope.get("method", scope["type"])),
        _printable(scope.get("path", "")),
        client[0] if client else "nowhere",
        reason,
    )


def _printable(text: str) -> str:
    told = "".join(one if one.isascii() and one.isprintable() else "?" for one in text)
    return told if len(told) <= _LETTERS_TOLD else f"{told[:_LETTERS_TOLD]}..."
