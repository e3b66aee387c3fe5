"""A bundle as a coordinator sends it, and commands in place of Flower's."""

import datetime as dt
import os
import stat
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder

ROOT = Path(__file__).resolve().parents[3]
FLOWER = metadata.version("flwr")
DAY = dt.timedelta(days=1)


def make_authority(*, starts=-DAY, ends=30 * DAY, is_authority=True):
    """A certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ward-study")])
    now = dt.datetime.now(dt.UTC)
    constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .add_extension(constraints, critical=True)
        .sign(key, SHA256())
    )


def make_bundle(folder, *, authority=None, **changes):
    """Writes what the coordinator sends; returns where."""
    authority = authority or make_authority()
    values = {
        "federation": "ward-study",
        "site_name": "hospital-a",
        "address": "fedstill.example:9090",
        "authority": authority.fingerprint(SHA256()).hex(),
        "fedstill": metadata.version("fedstill"),
        "flower": FLOWER,
    }
    bundle = BundleFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    bundle.bundle.write_text(SiteBundle(**values | changes).to_toml())
    bundle.authority.write_bytes(authority.public_bytes(Encoding.PEM))
    return bundle


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def fake_environment(folder, **programs):
    """A Python whose neighbours are the given programs in place of Flower's.

    Returns the path of that Python. Each program is Python source.
    """
    bin_ = folder / "bin"
    bin_.mkdir(parents=True)
    python = bin_ / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    for name, source in programs.items():
        path = bin_ / name.replace("_", "-")
        path.write_text(f"#!{sys.executable}\n{source}")
        path.chmod(0o755)
    return python


RUN = """\
import sys
from pathlib import Path
sys.executable = sys.argv[1]
sys.argv = ["fedstill", *sys.argv[2:]]
import fedstill
fedstill.main()
"""


def start_fedstill(python, *words, environment=None):
    """`fedstill` as a process of its own that takes ``python`` for its own."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(python), *map(str, words)],
        cwd=ROOT,
        env=dict(os.environ) | {"OMP_NUM_THREADS": "1"} | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
