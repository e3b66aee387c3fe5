"""The bundle that the coordinator sent, once it has been looked at.

Nothing in it is secret, and nothing in it is believed but by its fingerprint: a person
compares that with what the coordinator says by another way.
"""

from __future__ import annotations

import datetime as dt
from importlib import metadata

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder
from common.errors import ConfigError

_CONSEQUENCE = "Ask the coordinator for the bundle again. Nothing was changed."


def open_bundle(folder: BundleFolder) -> SiteBundle:
    """Returns a bundle whose authority and versions are what they should be.

    Args:
        folder: the bundle; nothing in it is changed.

    Raises:
        ConfigError: a file is missing or malformed, the authority's certificate is
            another one or cannot be used, or Flower here is of another version.
    """
    if not folder.root.is_dir():
        raise ConfigError(
            f"{folder.root} is no folder; must be the bundle that the coordinator "
            "sent. Nothing was changed."
        )
    bundle = SiteBundle.read(folder.bundle)
    _check_authority(folder, bundle)
    check_flower(bundle, here=metadata.version("flwr"))
    return bundle


def check_flower(bundle: SiteBundle, *, here: str) -> None:
    """Raises where Flower's two versions do not speak with each other.

    Args:
        bundle: names the coordinator's version.
        here: the version that is installed.

    Raises:
        ConfigError: they differ in more than the patch level.
    """
    if _minor(bundle.flower) != _minor(here):
        raise ConfigError(
            f"The coordinator has Flower {bundle.flower} and here is {here}; they must "
            f"agree in the first two numbers: pip install 'flwr=={bundle.flower}'. "
            "Nothing was changed."
        )


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _check_authority(folder: BundleFolder, bundle: SiteBundle) -> None:
    path = folder.authority
    try:
        (certificate,) = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        fault = error.strerror or "cannot be read"
        raise ConfigError(f"{path}: {fault}. {_CONSEQUENCE}") from error
    except ValueError:
        raise ConfigError(
            f"{path}: must be one certificate in PEM. {_CONSEQUENCE}"
        ) from None
    found = certificate.fingerprint(SHA256()).hex()
    if found != bundle.authority:
        raise ConfigError(
            f"{path}: its SHA-256 is {found} and bundle.toml says {bundle.authority}. "
            f"{_CONSEQUENCE}"
        )
    if not _is_authority(certificate):
        raise ConfigError(f"{path}: is the certificate of no authority. {_CONSEQUENCE}")
    now, ends = dt.datetime.now(dt.UTC), certificate.not_valid_after_utc
    if ends <= now:
        raise ConfigError(f"{path}: expired on {ends:%Y-%m-%d}. {_CONSEQUENCE}")
    starts = certificate.not_valid_before_utc
    if now < starts:
        raise ConfigError(
            f"{path}: is valid from {starts:%Y-%m-%d %H:%M} UTC and this machine's "
            f"clock says {now:%Y-%m-%d %H:%M} UTC. Set the clock, or ask the "
            "coordinator. Nothing was changed."
        )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return found.value.ca
