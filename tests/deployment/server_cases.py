"""Servers that no node may believe, and what is wrong with each."""

from __future__ import annotations

from tests.deployment.forgeries import CLIENT, issue

ELSEWHERE = "10.255.255.1"

FORGERIES = {
    "another authority": lambda _, host: issue(issue(is_authority=True), host=host),
    "self-signed": lambda _, host: issue(host=host),
    "expired": lambda real, host: issue(real, host=host, days=(-30, -1)),
    "not yet valid": lambda real, host: issue(real, host=host, days=(1, 30)),
    "another host's": lambda real, _: issue(real, host=ELSEWHERE),
    "a client's": lambda real, host: issue(real, host=host, usage=CLIENT),
    "issued by a server's": lambda real, host: issue(issue(real, host=host), host=host),
    "no TLS at all": lambda *_: None,
}
FAULTS = {
    "another authority": "self-signed certificate in certificate chain",
    "self-signed": "self-signed certificate",
    "expired": "has expired",
    "not yet valid": "not yet valid",
    "another host's": "IP address mismatch",
    "a client's": "unsuitable certificate purpose",
    "issued by a server's": "invalid CA certificate",
    "no TLS at all": "wrong version number",
}
TOLD = FAULTS | {"no TLS at all": "it speaks no TLS"}
