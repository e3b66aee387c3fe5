"""The way to the SuperLink, step by step: name, port, TLS, certificate, clock.

The first step that fails is told of and ends the way: what comes after it would fail
for the same reason.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from common.deployment.bundle import split_address
from common.finding import Finding, fault, ok, warning

TIMEOUT = 5.0
SOON_DAYS = 30
# Flower refuses a node's signature that is older or newer than this.
MOST_SKEW = 300.0
SOME_SKEW = 30.0
_DAY = 86_400.0
_HEALTH = "GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
# OpenSSL's codes (x509_vfy.h) of what is wrong with a certificate.
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_STRANGERS = frozenset({2, 19, 20, 21})
_WRONG_NAME = frozenset({62, 64})


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperLinkAddress:
    """Where the SuperLink should be, and by what it is known.

    Attributes:
        address: ``host:port``.
        authority: the certificate of the federation's authority, PEM.
        renew: what renews the server's certificate, or who.
    """

    address: str
    authority: bytes
    renew: str


def network_findings(
    superlink: SuperLinkAddress, *, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """Yields what there is to say about the way to a SuperLink.

    Args:
        superlink: where it should be.
        now: seconds since the epoch, as this machine sees it.
    """
    host, port = split_address(superlink.address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield fault(
            "DNS",
            f"{host} is not known here: {error.strerror}.",
            "Look for a typing error in the address, and ask who keeps your DNS.",
        )
        return
    yield ok("DNS", f"{host} is {found[0][4][0]}.")
    try:
        plain = socket.create_connection((host, port), timeout=TIMEOUT)
    except OSError as error:
        yield _no_connection(superlink.address, error)
        return
    with plain:
        yield ok("TCP", f"{superlink.address} answers.")
        yield from _tls_findings(plain, host, superlink, now)


def _no_connection(address: str, error: OSError) -> Finding:
    if isinstance(error, ConnectionRefusedError):
        return fault(
            "TCP",
            f"Nobody listens at {address}.",
            "On the coordinator's machine: systemctl status fedstill-superlink.",
        )
    return fault(
        "TCP",
        f"{address} cannot be reached: {error.strerror or error}.",
        "Let this machine out, and the coordinator's firewall let TCP in at that port.",
    )


def _tls_findings(
    plain: socket.socket,
    host: str,
    superlink: SuperLinkAddress,
    now: Callable[[], float],
) -> Iterator[Finding]:
    context = ssl.create_default_context(cadata=superlink.authority.decode("ascii"))
    try:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            yield ok("TLS", "The server's certificate is the federation's.")
            yield _expiry(secure, superlink, now())
            yield from _clock_findings(secure, host, now)
    except ssl.SSLCertVerificationError as error:
        yield _bad_certificate(error, host, superlink)
    except TimeoutError:
        yield fault(
            "TLS",
            f"{superlink.address} takes the connection and then says nothing.",
            "Is it the SuperLink's port? Then, on the coordinator's machine: systemctl "
            "restart fedstill-superlink.",
        )
    except (ssl.SSLError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error.strerror or "no answer"
        yield fault(
            "TLS",
            f"Whoever listens at {superlink.address} does not speak TLS "
            f"({str(reason).lower().replace('_', ' ')}).",
            "Is it the SuperLink's port, and nothing in between that ends TLS?",
        )


def _bad_certificate(
    error: ssl.SSLCertVerificationError, host: str, superlink: SuperLinkAddress
) -> Finding:
    code = error.verify_code
    if code == _EXPIRED:
        text, remedy = "The server's certificate has expired.", superlink.renew
    elif code == _NOT_YET_VALID:
        text = "The server's certificate is not valid yet."
        remedy = "Set this machine's clock; it is behind."
    elif code == _SELF_SIGNED:
        text = "The server's certificate is signed by nobody but itself."
        remedy = "That is not the federation's SuperLink: ask the coordinator."
    elif code in _STRANGERS:
        text = "The server's certificate is from another authority than ca.crt."
        remedy = (
            "Either that is not the federation's SuperLink, or the authority is a new "
            "one: ask the coordinator, and compare fingerprints."
        )
    elif code in _WRONG_NAME:
        text = f"The server's certificate is not for {host}."
        remedy = (
            "The coordinator puts the name into [server] names and runs `fedstill "
            "deploy init` and `fedstill deploy rotate`."
        )
    else:
        text = f"The server's certificate is refused: {error.verify_message}."
        remedy = superlink.renew
    return fault("TLS", text, remedy)


def _expiry(secure: ssl.SSLSocket, superlink: SuperLinkAddress, now: float) -> Finding:
    certificate = secure.getpeercert() or {}
    end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    days = int((end - now) // _DAY)
    text = f"It is valid for {days} more day{'' if days == 1 else 's'}."
    if days < SOON_DAYS:
        return warning("TLS", text, superlink.renew)
    return ok("TLS", text)


def _clock_findings(
    secure: ssl.SSLSocket, host: str, now: Callable[[], float]
) -> Iterator[Finding]:
    answer = http.client.HTTPResponse(secure)
    try:
        secure.sendall(_HEALTH.format(host=host).encode("ascii"))
        answer.begin()
        date = parsedate_to_datetime(answer.headers["Date"] or "").timestamp()
    except TimeoutError:
        yield warning(
            "SuperLink",
            "It speaks TLS, and does not answer its health check in time.",
            "On the coordinator's machine: journalctl -u fedstill-superlink.",
        )
        return
    except (http.client.HTTPException, OSError, ValueError, TypeError):
        yield warning(
            "SuperLink",
            "It answers, and not as a SuperLink does.",
            "Is it the SuperLink's port?",
        )
        return
    if answer.status != http.HTTPStatus.OK:
        yield warning(
            "SuperLink",
            f"Its health check answers {answer.status}.",
            "On the coordinator's machine: journalctl -u fedstill-superlink.",
        )
    else:
        yield ok("SuperLink", "It is healthy.")
    yield _skew_finding(date - now())


def _skew_finding(skew: float) -> Finding:
    away = abs(skew)
    which = "behind" if skew > 0 else "ahead of"
    text = f"This machine's clock is {away:.0f} seconds {which} the coordinator's."
    remedy = "Let both machines follow a time server (timedatectl set-ntp true)."
    if away >= MOST_SKEW:
        return fault("clock", f"{text} A node is refused from 300 on.", remedy)
    if away >= SOME_SKEW:
        return warning("clock", f"{text} A node is refused from 300 on.", remedy)
    return ok("clock", "This machine's clock agrees with the coordinator's.")
