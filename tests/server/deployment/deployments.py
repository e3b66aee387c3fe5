"""A deployment as `fedstill deploy init` makes it, for tests that change one thing."""

from pathlib import Path

import tomli_w

from common.deployment.layout import DeploymentFolder
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
