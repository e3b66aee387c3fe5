"""The way to the SuperLink: each thing that can be wrong has its words and remedy."""

import datetime as dt
import socket
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from common.doctor import network
from common.doctor.network import SuperLinkAddress, network_findings
from common.findings import Level
from server.deployment.certificates import KeyPair
from tests.common.doctor.servers import (
    DAY,
    authority,
    listening,
    now,
    server_pair,
    superlink,
)

RENEW = "The coordinator renews it."


@pytest.fixture(scope="module")
def signer():
    return authority()


def _look(port, signer, *, host="127.0.0.1", clock=time.time):
    found = SuperLinkAddress(
        address=f"{host}:{port}", authority=signer.certificate, renew=RENEW
    )
    return list(network_findings(found, now=clock))


def _last(findings, subject, level):
    """The last finding, which is the one that ends the way."""
    last = findings[-1]
    assert (last.subject, last.level) == (subject, level), findings
    assert (level is Level.OK) == (not last.remedy)
    return last


def test_healthy_superlink_has_nothing_to_mend(signer, tmp_path):
    """Name, port, certificate, health and clock."""
    with superlink(tmp_path, server_pair(signer)) as port:
        findings = _look(port, signer)

    assert {one.level for one in findings} == {Level.OK}
    subjects = [one.subject for one in findings]
    assert subjects == ["DNS", "TCP", "TLS", "TLS", "SuperLink", "clock"]


def test_unknown_name_ends_the_way(signer, monkeypatch):
    """Nothing else can be looked at."""

    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    (finding,) = _look(9090, signer, host="nowhere.example")

    assert finding.level is Level.ERROR
    assert "nowhere.example is not known here" in finding.text
    assert "DNS" in finding.remedy


def test_nobody_listens(signer):
    """The remedy is on the other machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    last = _last(_look(port, signer), "TCP", Level.ERROR)

    assert last.text == f"Nobody listens at 127.0.0.1:{port}."
    assert "fedstill-superlink" in last.remedy


def test_firewall_that_swallows_packets(signer, monkeypatch):
    """A firewall is another thing than a service that is down."""

    def silence(*_, **__):
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silence)

    last = _last(_look(9090, signer), "TCP", Level.ERROR)

    assert "cannot be reached: timed out" in last.text
    assert "firewall" in last.remedy


def test_plaintext_server(signer):
    """Whoever listens there speaks something else."""
    with listening(lambda one: one.sendall(b"220 mail.example ESMTP\r\n")) as port:
        last = _last(_look(port, signer), "TLS", Level.ERROR)

    assert "does not speak TLS" in last.text
    assert "SuperLink's port" in last.remedy


def test_superlink_that_hangs(signer, monkeypatch):
    """It takes the connection and says nothing: that is not another protocol."""
    monkeypatch.setattr(network, "TIMEOUT", 0.3)
    with listening(lambda one: one.recv(1) and time.sleep(1)) as port:
        last = _last(_look(port, signer), "TLS", Level.ERROR)

    assert "then says nothing" in last.text
    assert "restart fedstill-superlink" in last.remedy


@pytest.mark.parametrize("silence", [None, b"", b"nonsense\r\n\r\n"])
def test_tls_stays_well_where_the_health_check_fails(
    signer, tmp_path, monkeypatch, silence
):
    """What is wrong comes after TLS, so TLS is not blamed."""
    monkeypatch.setattr(network, "TIMEOUT", 0.3)
    with superlink(tmp_path, server_pair(signer), instead=silence) as port:
        findings = _look(port, signer)

    last = _last(findings, "SuperLink", Level.WARNING)
    assert {one.level for one in findings[:-1]} == {Level.OK}
    assert ("in time" in last.text) == (silence is None)


def test_certificate_of_another_authority(signer, tmp_path):
    """Somebody else's federation, or a new authority of one's own."""
    with superlink(tmp_path, server_pair(authority())) as port:
        last = _last(_look(port, signer), "TLS", Level.ERROR)

    assert "another authority" in last.text
    assert "fingerprints" in last.remedy


def test_certificate_that_nobody_has_signed(signer, tmp_path):
    """As a default installation of something else has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - DAY)
        .not_valid_after(now() + DAY)
        .sign(key, SHA256())
    )
    pair = KeyPair(
        certificate=certificate.public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    with superlink(tmp_path, pair) as port:
        last = _last(_look(port, signer), "TLS", Level.ERROR)

    assert "signed by nobody but itself" in last.text
    assert "not the federation's SuperLink" in last.remedy


def test_certificate_for_another_host(signer, tmp_path):
    """The coordinator has to put the name into it."""
    with superlink(tmp_path, server_pair(signer, "other.example")) as port:
        last = _last(_look(port, signer), "TLS", Level.ERROR)

    assert last.text == "The server's certificate is not for 127.0.0.1."
    assert "[server] names" in last.remedy


def test_expired_certificate(signer, tmp_path):
    """With the words of whoever renews it."""
    old = server_pair(signer, made=now() - dt.timedelta(days=1000))
    with superlink(tmp_path, old) as port:
        last = _last(_look(port, signer), "TLS", Level.ERROR)

    assert last.text == "The server's certificate has expired."
    assert last.remedy == RENEW


def test_certificate_of_the_future(signer, tmp_path):
    """This machine's clock is behind."""
    with superlink(tmp_path, server_pair(signer, made=now() + 2 * DAY)) as port:
        last = _last(_look(port, signer), "TLS", Level.ERROR)

    assert "not valid yet" in last.text
    assert "clock" in last.remedy


def test_certificate_that_ends_soon(signer, tmp_path):
    """A warning, in time."""
    soon = server_pair(signer, made=now() - dt.timedelta(days=825 - 10))
    with superlink(tmp_path, soon) as port:
        (warned,) = [one for one in _look(port, signer) if one.level is not Level.OK]

    assert warned.level is Level.WARNING
    assert warned.text in {f"It is valid for {days} more days." for days in (9, 10)}
    assert warned.remedy == RENEW


@pytest.mark.parametrize(
    ("skew", "level", "text"),
    [
        (2, Level.OK, "agrees"),
        (100, Level.WARNING, "behind"),
        (-100, Level.WARNING, "ahead of"),
        (600, Level.ERROR, "A node is refused from 300 on."),
        (-600, Level.ERROR, "ahead of"),
    ],
)
def test_clocks_that_differ(signer, tmp_path, skew, level, text):
    """Flower believes no signature that is five minutes off."""
    with superlink(tmp_path, server_pair(signer), skew=skew) as port:
        last = _last(_look(port, signer), "clock", level)

    assert text in last.text
    assert level is Level.OK or "time server" in last.remedy


def test_superlink_that_is_not_well(signer, tmp_path):
    """It says so itself."""
    pair = server_pair(signer)
    with superlink(tmp_path, pair, status="503 Service Unavailable") as port:
        found = [one for one in _look(port, signer) if one.subject == "SuperLink"]

    assert [one.level for one in found] == [Level.WARNING]
    assert "503" in found[0].text


def test_bounds_are_flowers():
    """What is told as refused is what Flower refuses."""
    from flwr.common.constant import TIMESTAMP_TOLERANCE  # noqa: PLC0415

    assert network.MOST_SKEW == TIMESTAMP_TOLERANCE
