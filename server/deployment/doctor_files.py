"""The files of a deployment in ``fedstill doctor``: there, whose, and until when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from common.deployment.layout import DeploymentFolder
from common.doctor.access import not_seen, own_name, owner_name
from common.doctor.error_line import one_line
from common.doctor.network import SOON_DAYS
from common.errors import ConfigError
from common.finding import Finding, fault, ok, warning
from server.deployment.certificates import KeyPair, is_pair, names_in
from server.deployment.federation_file import FederationFile
from server.deployment.key_files import certificate_names
from server.deployment.placing import closed_folder_above
from server.deployment.private_files import require_private_file, require_readable_file


def file_findings(
    folder: DeploymentFolder, federation: FederationFile
) -> Iterator[Finding]:
    """Yields what there is to say about keys, certificates and owners.

    Args:
        folder: of the deployment.
        federation: for names.
    """
    user = federation.server.user
    public = (folder.authority, folder.certificate)
    secret = (folder.key, folder.superexec_secret)
    closed = _closed_to_us((*public, *secret))
    if closed is not None and own_name() != user:
        yield not_seen("files", closed, user=user)
        return
    try:
        for path in public:
            require_readable_file(path)
        for path in secret:
            require_private_file(path)
    except ConfigError as error:
        remedy = "As root or as the services' user; `fedstill deploy init` completes."
        yield fault("files", one_line(error), remedy)
        return
    yield ok("files", "Keys and certificates are there, the secret ones private.")
    yield _owner_finding(folder, user)
    yield from _certificate_findings(folder, federation)


def _closed_to_us(paths: Iterable[Path]) -> Path | None:
    for path in paths:
        try:
            path.open("rb").close()
        except PermissionError:
            return path
        except OSError:
            continue  # told of by what looks at its content
    return None


def _owner_finding(folder: DeploymentFolder, user: str) -> Finding:
    """Returns whether the units' user owns what the services read and write alone.

    Root may write everywhere, so that a try as root would show nothing.
    """
    places = (folder.key, folder.superexec_secret, folder.database.parent, folder.runs)
    wrong = {path: owner_name(path) for path in places}
    foreign = [path for path, owner in wrong.items() if owner not in (None, user)]
    remedy = (
        f"sudo fedstill deploy init {folder.federation} --output {folder.root}, once "
        f"there is a user {user}; nothing, if you start the services yourself."
    )
    if foreign:
        first = foreign[0]
        text = f"{first} belongs to {wrong[first]}, and the units run as {user}."
        return warning("owner", text, remedy)
    above = closed_folder_above(folder.root)
    if above is not None and own_name() != user:
        text = f"{above} cannot be entered by {user}, as whom the units run."
        return warning("owner", text, "Let it be entered, or move the deployment.")
    return ok("owner", f"What the services need is {user}'s, as whom the units run.")


def _certificate_findings(
    folder: DeploymentFolder, federation: FederationFile
) -> Iterator[Finding]:
    rotate = f"fedstill deploy rotate --deployment {folder.root}, and restart."
    both = rotate.replace(",", " --authority,", 1)
    authority = _loaded(folder.authority)
    if authority is None:
        text = f"{folder.authority} is no certificate in PEM."
        yield fault("certificate", text, f"Put it back from a site's folder; or {both}")
        return
    pair = KeyPair(
        certificate=folder.certificate.read_bytes(), key=folder.key.read_bytes()
    )
    certificate = _loaded(folder.certificate)
    if certificate is None or not is_pair(pair):
        text = f"{folder.certificate} is no certificate that {folder.key.name} fits."
        yield fault("certificate", text, rotate)
        return
    if not _is_signed(certificate, authority):
        text = "The server's certificate is not signed by the federation's authority."
        yield fault("certificate", text, rotate)
    held = names_in(pair.certificate)
    missing = [name for name in certificate_names(federation) if name not in held]
    if missing:
        text = f"The server's certificate is not for {', '.join(missing)}."
        yield fault("certificate", text, rotate)
    yield _end_finding("server's", certificate, rotate)
    yield _end_finding("authority's", authority, both)


def authority_of(folder: DeploymentFolder) -> bytes | None:
    """Returns the authority's certificate; None where it cannot be read or used."""
    return None if _loaded(folder.authority) is None else folder.authority.read_bytes()


def _loaded(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _is_signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _end_finding(whose: str, certificate: x509.Certificate, renew: str) -> Finding:
    end = certificate.not_valid_after_utc
    days = (end - dt.datetime.now(dt.UTC)).days
    text = f"The {whose} certificate ends on {end:%Y-%m-%d}."
    if days < 0:
        return fault("certificate", text, renew)
    if days < SOON_DAYS:
        return warning("certificate", text, renew)
    return ok("certificate", text)
