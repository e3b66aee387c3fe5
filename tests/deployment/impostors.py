"""Whoever asks a SuperLink for what is not theirs, from a machine of the federation.

``python -m tests.deployment.impostors`` reads connections and bytes to send as JSON and
writes what came back; :func:`ask` runs it on a machine. Bytes are sent as they are, so
that requests can be ones that no library would make.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.deployment.machines import ROOT, Machine, has_networks

SECONDS = 10.0
CLOSED = "closed"
MOST_BYTES = 1 << 20
# The server may write its line when the answer is gone already.
LOGGED_WITHIN = 0.5
CHUNK = bytes(1 << 20)
# One machine only: an address that is not the coordinator's own loopback address.
OTHER_SOURCE = "127.0.0.2"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is sent over one connection.

    Attributes:
        raw: the bytes.
        is_tls: whether over TLS.
        chunks: this many HTTP chunks of 1 MiB of zeros after that.
    """

    raw: bytes
    is_tls: bool = True
    chunks: int = 0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP; 0 where the connection was closed without one.
        text: the beginning of the answer; :data:`CLOSED` or a fault without one.
        logged: what the server has written meanwhile.
    """

    status: int
    text: str
    logged: str = ""

    def lines(self, *words: str) -> list[str]:
        """Returns what the server has written that has one of some words."""
        return [
            line
            for line in self.logged.splitlines()
            if any(word in line for word in words)
        ]

    @property
    def is_refusal(self) -> bool:
        """Whether it says no, or hangs up."""
        return self.text == CLOSED or 400 <= self.status < 500


def http(
    target: str,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> bytes:
    """Returns a request of HTTP/1.1."""
    values = {
        "Host": "superlink",
        "Connection": "close",
        "Content-Type": "application/protobuf",
        "Content-Length": str(len(body)),
    } | dict(headers or {})
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in values.items() if value]
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(
    machine: Machine,
    address: tuple[str, int],
    authority: Path,
    requests: Mapping[str, Request],
    *,
    log: Path,
    source: str | None = None,
) -> dict[str, Answer]:
    """Sends requests from a machine, one connection each; returns the answers.

    Args:
        machine: where they are sent from.
        address: host and port of the server.
        authority: the certificate that the server's is issued by.
        requests: by name.
        log: that the server writes; nobody else may ask it anything meanwhile.
        source: the address they are sent from; by default one that is not the
            coordinator's own loopback address.
    """
    if source is None:
        source = "" if has_networks() else OTHER_SOURCE
    orders = {
        "address": address,
        "authority": authority.read_text(),
        "log": str(log),
        "source": source,
        "requests": {
            name: asdict(one) | {"raw": b64encode(one.raw).decode()}
            for name, one in requests.items()
        },
    }
    done = subprocess.run(
        [*machine.words(), sys.executable, "-m", "tests.deployment.impostors"],
        cwd=ROOT,
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {name: Answer(**one) for name, one in json.loads(done.stdout).items()}


def _connect(
    address: tuple[str, int], source: str, context: ssl.SSLContext | None
) -> socket.socket:
    bound = (source, 0) if source else None
    plain = socket.create_connection(address, SECONDS, source_address=bound)
    if context is None:
        return plain
    return context.wrap_socket(plain, server_hostname=address[0])


def _send(connection: socket.socket, request: Request) -> None:
    connection.sendall(request.raw)
    if request.chunks:
        for _ in range(request.chunks):
            connection.sendall(f"{len(CHUNK):x}\r\n".encode() + CHUNK + b"\r\n")
        connection.sendall(b"0\r\n\r\n")


def _receive(connection: socket.socket) -> bytes:
    received = b""
    while len(received) < MOST_BYTES:
        part = connection.recv(65_536)
        if not part:
            break
        received += part
    return received


def _answer(
    address: tuple[str, int],
    source: str,
    context: ssl.SSLContext,
    request: Request,
) -> Answer:
    received, fault = b"", CLOSED
    try:
        with _connect(address, source, context if request.is_tls else None) as one:
            # A server may answer and close before it has read everything.
            with suppress(ConnectionError, ssl.SSLError):
                _send(one, request)
            received = _receive(one)
    except (ConnectionError, ssl.SSLError):
        pass  # hung up
    except OSError as error:
        fault = f"{type(error).__name__}: {error}"
    words = received.split(maxsplit=2)
    if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit():
        text = received[:2000].decode(errors="replace")
        return Answer(status=int(words[1]), text=text)
    return Answer(status=0, text=fault)


def _written_since(log: Path, start: int) -> str:
    """Returns what a log has gained, once it has gained some or does not."""
    until = time.monotonic() + LOGGED_WITHIN
    while log.stat().st_size == start and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.03)  # the line that follows the first one
    return log.read_bytes()[start:].decode(errors="replace")


def main() -> None:
    """Sends what standard input says."""
    orders = json.load(sys.stdin)
    context = ssl.create_default_context(cadata=orders["authority"])
    address = (orders["address"][0], orders["address"][1])
    answers = {}
    for name, values in orders["requests"].items():
        request = Request(**(values | {"raw": b64decode(values["raw"])}))
        log = Path(orders["log"])
        start = log.stat().st_size
        answer = _answer(address, orders["source"], context, request)
        answers[name] = asdict(replace(answer, logged=_written_since(log, start)))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
