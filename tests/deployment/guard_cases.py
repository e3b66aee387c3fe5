"""Ways into a SuperLink that only the coordinator's own machine may take."""

from __future__ import annotations

from tests.deployment.impostors import Request, http

LIST = "/v1/control/list-nodes"
_WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def _to(target: str, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(raw=http(target, headers=named))


TRICKS = {
    "as it is": _to(LIST),
    "out of the fleet": _to("/v1/fleet/../control/list-nodes"),
    "out of the fleet, dots encoded": _to("/v1/fleet/%2e%2e/control/list-nodes"),
    "out of the fleet, slash encoded": _to("/v1/fleet/..%2fcontrol/list-nodes"),
    "out of the fleet, backslash": _to("/v1/fleet/..\\control\\list-nodes"),
    "out of the fleet, encoded twice": _to("/v1/fleet/%252e%252e/control/list-nodes"),
    "out of health": _to("/health/../v1/control/list-nodes"),
    "below health": _to("/health/v1/control/list-nodes"),
    "two slashes": _to("//v1/control/list-nodes"),
    "two slashes after fleet": _to("/v1/fleet//v1/control/list-nodes"),
    "capitals": _to("/V1/CONTROL/LIST-NODES"),
    "a letter encoded": _to("/v1/%63ontrol/list-nodes"),
    "a slash at the end": _to(f"{LIST}/"),
    "a query": _to(f"{LIST}?/v1/fleet/"),
    "a fragment": _to(f"{LIST}#/v1/fleet/"),
    "a semicolon": _to("/v1/fleet/;/../control/list-nodes"),
    "a null byte": _to("/v1/fleet/%00/../control/list-nodes"),
    "a whole URL": _to(f"https://127.0.0.1{LIST}"),
    "X-Forwarded-For": _to(LIST, X_Forwarded_For="127.0.0.1"),
    "X-Forwarded-For of two": _to(LIST, X_Forwarded_For="127.0.0.1, 127.0.0.1"),
    "X-Real-IP": _to(LIST, X_Real_IP="127.0.0.1"),
    "Forwarded": _to(LIST, Forwarded='for="127.0.0.1"'),
    "Host": _to(LIST, Host="localhost"),
    "X-Original-URL": _to("/", X_Original_URL=LIST),
    "another method said": _to(LIST, X_HTTP_Method_Override="GET"),
    "a websocket": Request(raw=http(LIST, method="GET", headers=_WEBSOCKET)),
    "a websocket below fleet": Request(
        raw=http("/v1/fleet/pull-messages", method="GET", headers=_WEBSOCKET)
    ),
    "CONNECT": Request(raw=http("127.0.0.1:443", method="CONNECT")),
    "two requests in one": Request(
        raw=http("/v1/fleet/none", headers={"Connection": "keep-alive"}) + http(LIST)
    ),
    "a request within a request": Request(
        raw=http(
            "/v1/fleet/none",
            headers={"Transfer-Encoding": "chunked"},
            body=b"0\r\n\r\n" + http(LIST),
        )
    ),
}


def routes() -> list[str]:
    """Returns every path of this Flower's SuperLink that is not for sites."""
    from fastapi.routing import iter_route_contexts  # noqa: PLC0415
    from flwr.superlink.main import create_app  # noqa: PLC0415

    found = {one.route.path for one in iter_route_contexts(create_app().routes)}
    return sorted(
        path for path in found if path != "/health" and "/v1/fleet/" not in path
    )


def with_get(paths: list[str]) -> dict[str, Request]:
    """Returns a request for each path that changes nothing wherever it is answered."""
    return {path: Request(raw=http(path, method="GET")) for path in paths}
