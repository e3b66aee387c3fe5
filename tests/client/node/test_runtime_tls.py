"""A node's two halves know each other, and nobody else."""

import socket
import ssl
import threading

import pytest

from client.node.runtime_tls import HOST, RuntimeFiles
from tests.client.node.support import mode_of


def write(folder):
    folder.mkdir()
    files = RuntimeFiles(folder)
    files.write()
    return files


def handshake(server, trusted):
    """Connects to 127.0.0.1 with what one half shows and the other trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    client = ssl.create_default_context(cafile=str(trusted.certificate))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server((HOST, 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            try:
                context.wrap_socket(connection, server_side=True).close()
            except ssl.SSLError:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listening.getsockname()) as plain,
                client.wrap_socket(plain, server_hostname=HOST) as wrapped,
            ):
                return wrapped.version()
        finally:
            thread.join()


def test_superexec_believes_the_supernode(tmp_path):
    """By the address 127.0.0.1, under the strict rules of newer Pythons too."""
    files = write(tmp_path / "one")

    assert handshake(files, files) == "TLSv1.3"


def test_superexec_believes_nobody_of_another_start(tmp_path):
    """Whoever listens at the port of a SuperNode that is gone hands out no task."""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(write(tmp_path / "one"), write(tmp_path / "other"))


def test_files_are_the_users_alone_and_new_at_each_start(tmp_path):
    """0600 from the first moment, also where others could read the old ones."""
    files = write(tmp_path / "one")
    paths = (files.secret, files.key, files.certificate)
    before = [path.read_bytes() for path in paths]
    for path in paths:
        path.chmod(0o644)

    files.write()

    assert {mode_of(path) for path in paths} == {0o600}
    assert all(
        path.read_bytes() != old for path, old in zip(paths, before, strict=True)
    )
    assert len(files.secret.read_bytes()) == 64
