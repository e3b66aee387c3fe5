"""``fedstill deploy superlink``: Flower's SuperLink in this process, behind the guard.

Flower cannot hide its Control API, so the application that it serves is wrapped
before it is served: in this process, since there is no flag for it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from common.deployment.flower_process import flower_environment
from common.deployment.layout import DeploymentFolder
from server.deployment.federation_file import FederationFile, load_federation_file
from server.deployment.path_guard import guard
from server.deployment.private_files import require_private_file, require_readable_file

_OWNER_ONLY = 0o077


def run_superlink(deployment: Path) -> None:
    """Serves until a signal ends it.

    Args:
        deployment: the folder that ``fedstill deploy init`` made.

    Raises:
        ConfigError: the folder lacks a file, or others can read its secrets.
    """
    folder = DeploymentFolder(deployment.resolve())
    federation = load_federation_file(folder.federation)
    words = superlink_words(folder, federation)
    # Of the caller's own variables some open other doors: uvicorn would believe what a
    # stranger says of his address, and Flower would serve the same API again by gRPC.
    environment = flower_environment(folder.flower_home)
    os.environ.clear()
    os.environ.update(environment)
    os.umask(_OWNER_ONLY)
    print(_start_line(federation), file=sys.stderr, flush=True)  # noqa: T201
    put_guard()
    # Flower looks at the environment when it is imported.
    from flwr.superlink.cli import flower_superlink  # noqa: PLC0415

    sys.argv = ["flower-superlink", *words]
    flower_superlink()


def put_guard() -> None:
    """Wraps the application that Flower's command will serve.

    The command looks ``create_app`` up when it is called, and serves what that returns.
    """
    from flwr.superlink import main  # noqa: PLC0415

    create_app = main.create_app

    def create_guarded_app(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return guard(create_app(*args, **kwargs))

    main.create_app = create_guarded_app


def superlink_words(folder: DeploymentFolder, federation: FederationFile) -> list[str]:
    """Returns the arguments of ``flower-superlink``.

    Raises:
        ConfigError: the folder lacks a file, or others can read its secrets.
    """
    for public in (folder.authority, folder.certificate):
        require_readable_file(public)
    for secret in (folder.key, folder.superexec_secret):
        require_private_file(secret)
    return [
        *("--host", federation.server.listen, "--port", str(federation.server.port)),
        *("--ssl-ca-certfile", str(folder.authority)),
        *("--ssl-certfile", str(folder.certificate)),
        *("--ssl-keyfile", str(folder.key)),
        "--enable-supernode-auth",
        *("--database", str(folder.database)),
        *("--isolation", "process"),
        *("--superexec-auth-secret-file", str(folder.superexec_secret)),
        "--disable-runtime-dependency-installation",
    ]


def _start_line(federation: FederationFile) -> str:
    server = federation.server
    return (
        f"Starting Flower's SuperLink of {federation.name} at {server.listen} port "
        f"{server.port}: the Fleet API and /health for the sites, which know it as "
        f"{server.address}; everything else for this machine only"
    )
