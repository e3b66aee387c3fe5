"""A deployment as `fedstill deploy init` makes it, for tests that change one thing."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path

import tomli_w
from cryptography import x509

from common.deployment.layout import DeploymentFolder
from server.deployment.certificates import KeyPair, is_pair
from server.deployment.init import init_deployment

SITES = ("hospital-a", "hospital-b")


def write_federation(path: Path, *, sites=SITES, name="ward-study", **server) -> Path:
    """Writes a federation's file and returns it."""
    values = {
        "name": name,
        "server": {"address": "fedstill.example:9090", **server},
        "sites": {"names": list(sites)},
    }
    path.write_text(tomli_w.dumps(values))
    return path


def make_deployment(root: Path, **changes) -> DeploymentFolder:
    """Makes a deployment below ``root``."""
    federation = write_federation(root / "federation.toml", **changes)
    init_deployment(federation, root / "deployment")
    return DeploymentFolder(root / "deployment")


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder: path to bytes."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def verify(folder: DeploymentFolder) -> None:
    """Fails unless the server's key, its certificate and the authority fit."""
    pair = KeyPair(
        certificate=folder.certificate.read_bytes(), key=folder.key.read_bytes()
    )
    assert is_pair(pair)
    issuer = x509.load_pem_x509_certificate(folder.authority.read_bytes())
    x509.load_pem_x509_certificate(pair.certificate).verify_directly_issued_by(issuer)


@contextmanager
def disk_that_is_full(monkeypatch, *, after: int):
    """Lets so many files get their names, and no further one."""
    real = Path.replace
    places = iter(range(after))

    def replace(path, target):
        if next(places, None) is None:
            code = errno.ENOSPC
            raise OSError(code, os.strerror(code), str(target))
        return real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        yield
