"""What a doctor may find where a SuperLink should be: real sockets, real TLS."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate

from server.deployment.certificates import KeyPair, make_authority, make_server_pair

ANSWER = b"as it should be"
DAY = dt.timedelta(days=1)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def authority() -> KeyPair:
    return make_authority("ward-study", now=now())


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yields the port of a server that treats every connection by ``answer``."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError, ssl.SSLError):
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]


@contextmanager
def superlink(
    folder,
    pair: KeyPair,
    *,
    status: str = "200 OK",
    skew: float = 0.0,
    instead: bytes | None = ANSWER,
) -> Iterator[int]:
    """Yields the port of what answers as a SuperLink does.

    Args:
        folder: for the key.
        pair: certificate and key.
        status: of the health check.
        skew: seconds by which its clock is ahead.
        instead: what it says in place of its answer; None for nothing, for a while.
    """
    certificate, key = folder / "s.crt", folder / "s.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            asked = secure.recv(4096)
            assert asked.startswith(b"GET /health HTTP/1.1\r\n"), asked
            if instead is None:
                time.sleep(1)
            if instead is not ANSWER:
                secure.sendall(instead or b"")
                return
            date = formatdate(time.time() + skew, usegmt=True)
            head = f"HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
            secure.sendall(head.encode())

    with listening(answer) as port:
        yield port


def server_pair(signer: KeyPair, *names: str, made: dt.datetime | None = None):
    """Returns a server's certificate; by default one for this machine, made now."""
    return make_server_pair(signer, names or ("127.0.0.1",), now=made or now())
