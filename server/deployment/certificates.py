"""The authority of a federation and the SuperLink's certificate, as PEM bytes.

Nothing is read or written here. The authority signs this one federation's servers and
nothing else, so every federation has one of its own.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.deployment.federation_file import is_ip_address

AUTHORITY_DAYS = 3650
# What Apple's and other verifiers take at most.
SERVER_DAYS = 825
# For clocks of sites that are behind.
_BACKDATED = dt.timedelta(minutes=10)
_CURVE = ec.SECP256R1
_LONGEST_COMMON_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its private key, both PEM.

    Attributes:
        certificate: public.
        key: PKCS 8, not encrypted: a service has to start without anybody.
    """

    certificate: bytes
    key: bytes = field(repr=False)


def make_authority(federation: str, *, now: dt.datetime) -> KeyPair:
    """Returns a new authority for a federation.

    Args:
        federation: its name.
        now: with a time zone.
    """
    key = ec.generate_private_key(_CURVE())
    name = _name(f"Fedstill {federation}")
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(name, name, key, now, now + dt.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identity, critical=False)
        .sign(key, SHA256())
    )
    return _pair(certificate, key)


def make_server_pair(
    authority: KeyPair, names: Iterable[str], *, now: dt.datetime
) -> KeyPair:
    """Returns a new certificate and key of the SuperLink.

    Args:
        authority: who signs.
        names: DNS names and IP addresses by which it is reached; the first is shown.
        now: with a time zone.

    Raises:
        ValueError: the authority's key is not its certificate's.
    """
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    signer = load_pem_private_key(authority.key, None)
    if signer.public_key() != issuer.public_key() or not isinstance(
        signer, ec.EllipticCurvePrivateKey
    ):
        raise ValueError("the authority's key is not the one of its certificate")
    key = ec.generate_private_key(_CURVE())
    wanted = list(dict.fromkeys(names))
    end = min(now + dt.timedelta(days=SERVER_DAYS), issuer.not_valid_after_utc)
    identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate = (
        _builder(_name(wanted[0]), issuer.subject, key, now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectAlternativeName([_general_name(one) for one in wanted]),
            critical=False,
        )
        .add_extension(identity, critical=False)
        .add_extension(signed_by, critical=False)
        .sign(signer, SHA256())
    )
    return _pair(certificate, key)


def fingerprint(certificate: bytes) -> str:
    """Returns the SHA-256 of a PEM certificate's DER, 64 hexadecimal digits."""
    return x509.load_pem_x509_certificate(certificate).fingerprint(SHA256()).hex()


def names_in(certificate: bytes) -> frozenset[str]:
    """Returns the DNS names and IP addresses that a PEM certificate is for."""
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return frozenset([*names.get_values_for_type(x509.DNSName), *addresses])


def normal_name(name: str) -> str:
    """Returns a DNS name or an IP address as certificates hold it."""
    if is_ip_address(name):
        return str(ipaddress.ip_address(name))
    return name.lower()


def end_of(certificate: bytes) -> dt.datetime:
    """Returns when a PEM certificate ends."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def is_pair(pair: KeyPair) -> bool:
    """Returns whether a private key is the one of its certificate."""
    try:
        key = load_pem_private_key(pair.key, None)
        certificate = x509.load_pem_x509_certificate(pair.certificate)
    except (ValueError, TypeError):
        return False
    return key.public_key() == certificate.public_key()


def is_signed_by(certificate: bytes, authority: bytes) -> bool:
    """Returns whether an authority signed a certificate, both PEM."""
    try:
        signed = x509.load_pem_x509_certificate(certificate)
        signed.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def is_certificate(content: bytes) -> bool:
    """Returns whether bytes are a certificate in PEM."""
    try:
        x509.load_pem_x509_certificate(content)
    except ValueError:
        return False
    return True


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    end: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(end)
    )


def _name(text: str) -> x509.Name:
    shown = text[:_LONGEST_COMMON_NAME]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, shown)])


def _general_name(name: str) -> x509.GeneralName:
    if is_ip_address(name):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name.lower())


def _key_usage(
    *,
    digital_signature: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    return KeyPair(
        certificate=certificate.public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
