"""The authority and the server's certificate hold where they should, and only there."""

import datetime as dt
import hashlib
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from common.deployment.spoken import spoken
from server.deployment.certificates import (
    AUTHORITY_DAYS,
    SERVER_DAYS,
    KeyPair,
    end_of,
    fingerprint,
    is_certificate,
    is_pair,
    is_signed_by,
    make_authority,
    make_server_pair,
    names_in,
    normal_name,
)

NOW = dt.datetime.now(dt.UTC)
NAMES = ("fedstill.example", "127.0.0.1", "localhost", "::1")


@pytest.fixture(scope="module")
def authority():
    return make_authority("ward-study", now=NOW)


@pytest.fixture(scope="module")
def pair(authority):
    return make_server_pair(authority, NAMES, now=NOW)


def _shake_hands(folder, pair, trusted, host, *, chain=b""):
    """Connects to a server on loopback as a site does, under the name ``host``."""
    (folder / "c").write_bytes(pair.certificate + chain)
    (folder / "k").write_bytes(pair.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "c", folder / "k")
    context = ssl.create_default_context(cadata=trusted.certificate.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with suppress(OSError, ssl.SSLError):
                theirs, _ = listening.accept()
                with theirs, server.wrap_socket(theirs, server_side=True) as secure:
                    secure.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listening.getsockname(), 10) as ours,
                context.wrap_socket(ours, server_hostname=host) as secure,
            ):
                return secure.version()
        finally:
            thread.join(10)


@pytest.mark.parametrize("host", NAMES)
def test_certificate_holds_for_every_name(authority, pair, tmp_path, host):
    """As Python's own verifier sees it, which is OpenSSL's."""
    assert _shake_hands(tmp_path, pair, authority, host).startswith("TLSv1.")


@pytest.mark.parametrize("host", ["other.example", "127.0.0.2"])
def test_certificate_holds_for_no_other_name(authority, pair, tmp_path, host):
    """Whoever has it can be nobody else."""
    with pytest.raises(ssl.SSLCertVerificationError, match="match"):
        _shake_hands(tmp_path, pair, authority, host)


def test_certificate_of_another_federation_is_refused(pair, tmp_path):
    """Each federation has an authority of its own."""
    other = make_authority("ward-study", now=NOW)

    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(tmp_path, pair, other, "localhost")


@pytest.mark.parametrize("days", [-1000, 2])
def test_certificate_out_of_its_time_is_refused(authority, tmp_path, days):
    """Too old, or of the future."""
    made = make_server_pair(authority, NAMES, now=NOW + dt.timedelta(days=days))

    with pytest.raises(ssl.SSLCertVerificationError, match=r"expired|not yet valid"):
        _shake_hands(tmp_path, made, authority, "localhost")


def test_authority_signs_servers_and_no_further_authority(authority, pair):
    """A stolen server key can sign nothing."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    server = x509.load_pem_x509_certificate(pair.certificate)
    of_issuer = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
    of_server = server.extensions.get_extension_for_class(x509.BasicConstraints)

    assert (of_issuer.value.ca, of_issuer.value.path_length) == (True, 0)
    assert of_issuer.critical
    assert of_server.value.ca is False
    assert is_signed_by(pair.certificate, authority.certificate)


@pytest.mark.parametrize("what", ["the server's key", "an authority below"])
def test_chain_ends_with_the_server(authority, pair, tmp_path, what):
    """Whoever steals the server's key can make no certificate that sites take."""
    if what == "the server's key":
        signer, match = pair, "invalid CA"
    else:
        below = make_authority("below", now=NOW)
        signer = KeyPair(certificate=_signed(below, by=authority), key=below.key)
        match = "path length"
    forged = make_server_pair(signer, NAMES, now=NOW)

    with pytest.raises(ssl.SSLCertVerificationError, match=match):
        _shake_hands(tmp_path, forged, authority, NAMES[0], chain=signer.certificate)


def _signed(below, *, by):
    """An authority's certificate as another one would have signed it."""
    inner = x509.load_pem_x509_certificate(below.certificate)
    outer = x509.load_pem_x509_certificate(by.certificate)
    identity = x509.AuthorityKeyIdentifier.from_issuer_public_key(outer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(inner.subject)
        .issuer_name(outer.subject)
        .public_key(inner.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(inner.not_valid_before_utc)
        .not_valid_after(inner.not_valid_after_utc)
        .add_extension(identity, critical=False)
    )
    for extension in inner.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    signed = builder.sign(load_pem_private_key(by.key, None), SHA256())
    return signed.public_bytes(Encoding.PEM)


def test_certificate_is_for_servers_alone(pair):
    """A site, or Flower's runtime, takes nobody for a client by it."""
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)

    assert list(found.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_clock_that_is_a_little_behind_is_no_reason(authority, tmp_path):
    """Made five minutes in the future, as a slow clock sees it."""
    later = make_server_pair(authority, NAMES, now=NOW + dt.timedelta(minutes=5))

    assert _shake_hands(tmp_path, later, authority, "localhost")


def test_what_signed_is_known_by_its_key(authority, pair):
    """A namesake is another one; what is no certificate was signed by nobody."""
    namesake = make_authority("ward-study", now=NOW)

    assert not is_signed_by(pair.certificate, namesake.certificate)
    assert not is_signed_by(b"x", authority.certificate)
    assert not is_signed_by(pair.certificate, b"")
    assert is_certificate(authority.certificate)
    assert not is_certificate(authority.key)


def test_certificates_last_as_long_as_they_say(authority, pair):
    """Ten years and 825 days, which is the most that verifiers take."""
    assert (end_of(authority.certificate) - NOW).days in (
        AUTHORITY_DAYS - 1,
        AUTHORITY_DAYS,
    )
    assert (end_of(pair.certificate) - NOW).days in (SERVER_DAYS - 1, SERVER_DAYS)


def test_server_certificate_ends_with_its_authority(authority):
    """It would be worth nothing afterwards."""
    late = NOW + dt.timedelta(days=AUTHORITY_DAYS - 10)
    made = make_server_pair(authority, NAMES, now=late)

    assert end_of(made.certificate) == end_of(authority.certificate)


def test_names_come_back(pair):
    """As certificates hold them."""
    assert names_in(pair.certificate) == set(NAMES)
    assert normal_name("FEDSTILL.Example") == "fedstill.example"
    assert normal_name("0:0:0:0:0:0:0:1") == "::1"


def test_key_of_another_authority_signs_nothing(authority):
    """A mix-up of files is noticed."""
    other = make_authority("ward-study", now=NOW)
    mixed = KeyPair(certificate=authority.certificate, key=other.key)

    with pytest.raises(ValueError, match="not the one of its certificate"):
        make_server_pair(mixed, NAMES, now=NOW)
    assert not is_pair(mixed)
    assert is_pair(authority)
    assert not is_pair(KeyPair(certificate=b"x", key=other.key))


def test_fingerprint_is_opensslss(authority):
    """SHA-256 of the DER, and spoken in groups of four."""
    certificate = ssl.PEM_cert_to_DER_cert(authority.certificate.decode())
    digits = hashlib.sha256(certificate).hexdigest()
    assert fingerprint(authority.certificate) == digits
    assert spoken(digits).replace(" ", "") == digits
    assert {len(group) for group in spoken(digits).split()} == {4}


def test_private_key_is_in_no_representation(authority):
    """A log line of a pair would not give it away."""
    assert "PRIVATE" not in repr(authority)
