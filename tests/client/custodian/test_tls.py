"""TCP with mutual TLS: both sides show a certificate, or nothing is said."""

import datetime as dt
import io

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from client.custodian.connection import CustodianConnection
from client.custodian.endpoint import Endpoint
from client.custodian.request_log import RequestLog
from client.custodian.server import serve
from client.custodian.wire import METHOD
from common.errors import ConfigError
from tests.client.custodian.support import HELLO, SECONDS, Echo, parts_of
from tests.client.support import reason_of

START = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject, key, issuer, issuer_key, *, is_authority):
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer),
        subject_name=_name(subject),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=START,
        not_valid_after=START + dt.timedelta(days=1),
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    builder = builder.add_extension(names, critical=False)
    constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
    builder = builder.add_extension(constraints, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_authority(folder, name):
    """An authority, and a certificate for a site and for a relay by it."""
    folder = folder / name
    folder.mkdir()
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = _certificate(name, root_key, name, root_key, is_authority=True)
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    for side in ("site", "relay"):
        key = ec.generate_private_key(ec.SECP256R1())
        own = _certificate(side, key, name, root_key, is_authority=False)
        pem = own.public_bytes(serialization.Encoding.PEM)
        (folder / f"{side}.pem").write_bytes(pem)
        (folder / f"{side}.key").write_bytes(_pem(key))
        (folder / f"{side}.key").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return _write_authority(tmp_path_factory.mktemp("tls"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return _write_authority(tmp_path_factory.mktemp("tls"), "theirs")


def _endpoint(folder, side, authority, address="localhost:0"):
    return Endpoint.parse(
        address,
        certificate=str(folder / f"{side}.pem"),
        key=str(folder / f"{side}.key"),
        authority=str(authority / "ca.pem"),
    )


def _serve(site, folder, address="localhost:0"):
    endpoint = _endpoint(folder, "site", folder, address)
    return serve(site, endpoint, log=RequestLog(io.StringIO()))


def _ask(running, folder, authority):
    endpoint = _endpoint(folder, "relay", authority, running.endpoint.address)
    return CustodianConnection(endpoint, SECONDS, ready_seconds=1.0).answer(HELLO)


def test_a_relay_with_a_certificate_is_answered(ours):
    """Both sides know each other's authority."""
    with _serve(Echo(), ours) as running:
        assert reason_of(_ask(running, ours, ours)) is None


def test_a_relay_of_another_authority_is_not_answered(ours, theirs):
    """A certificate of somebody else's opens nothing."""
    site = Echo()

    with _serve(site, ours) as running:
        reason = reason_of(_ask(running, theirs, ours))

    assert reason == "internal-error"
    assert site.asked == []


def test_a_custodian_of_another_authority_is_not_asked(ours, theirs):
    """The relay does not tell a stranger what it was asked."""
    site = Echo()

    with _serve(site, ours) as running:
        reason = reason_of(_ask(running, ours, theirs))

    assert reason == "internal-error"
    assert site.asked == []


def _status(stream):
    try:
        list(stream)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("has_tls", [False, True], ids=["plain", "no certificate"])
def test_a_client_without_a_certificate_is_not_answered(ours, has_tls):
    """Neither without TLS nor with the server's half of it."""
    site = Echo()

    with _serve(site, ours) as running:
        target = running.endpoint.target
        authority = (ours / "ca.pem").read_bytes()
        channel = (
            grpc.secure_channel(target, grpc.ssl_channel_credentials(authority))
            if has_tls
            else grpc.insecure_channel(target)
        )
        with channel:
            stream = channel.stream_stream(METHOD)(
                iter(parts_of(HELLO)), timeout=SECONDS
            )
            code = _status(stream)

    assert site.asked == [], "Rule 9: a client without a certificate was answered."
    assert code is grpc.StatusCode.UNAVAILABLE


def test_a_key_that_others_can_read_is_refused(ours, tmp_path):
    """The error names file and mode."""
    key = tmp_path / "site.key"
    key.write_bytes((ours / "site.key").read_bytes())
    key.chmod(0o640)
    endpoint = Endpoint.parse(
        "localhost:0",
        certificate=str(ours / "site.pem"),
        key=str(key),
        authority=str(ours / "ca.pem"),
    )

    with pytest.raises(ConfigError, match="mode 0640, so that others can use it"):
        serve(Echo(), endpoint, log=RequestLog(io.StringIO()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"certificate": "relay.pem"}, "cannot be used with key"),
        ({"authority": "site.key"}, "cannot be used as an authority"),
        ({"key": "missing.key"}, "No such file or directory"),
        ({"certificate": "missing.pem"}, "No such file or directory"),
    ],
)
def test_files_that_cannot_be_used_are_named(ours, changes, words):
    """gRPC itself would only fail every handshake."""
    files = {"certificate": "site.pem", "key": "site.key", "authority": "ca.pem"}
    paths = {name: str(ours / one) for name, one in (files | changes).items()}
    endpoint = Endpoint.parse("localhost:0", **paths)

    with pytest.raises(ConfigError, match=words):
        serve(Echo(), endpoint, log=RequestLog(io.StringIO()))


def test_a_port_that_is_taken_is_refused(ours):
    """Two custodians never share one."""
    with (
        _serve(Echo(), ours) as running,
        pytest.raises(ConfigError, match="cannot be bound"),
    ):
        _serve(Echo(), ours, running.endpoint.address)
