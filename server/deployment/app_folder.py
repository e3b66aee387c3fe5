"""The app that Flower ships: staged from what is installed here, never from a checkout.

A wheel leaves no pyproject.toml behind and a checkout has more than a site should get,
so the folder that ``flwr run`` takes is made of the three packages that an app needs.
"""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path

import tomli_w

from common.config import Config
from common.deployment.layout import DeploymentFolder

# Flower takes the app's name from this folder's.
NAME = "fedstill"
PACKAGES = ("client", "common", "server")
PROJECT = "pyproject.toml"
_HASH_DIGITS = 16


def stage_app(deployment: DeploymentFolder) -> Path:
    """Returns the folder of the app, writing it where it is not there yet.

    Args:
        deployment: the app goes below its ``apps``, in a folder named by its content.

    Raises:
        OSError: it cannot be written.
    """
    files = app_files()
    folder = deployment.apps / content_hash(files) / NAME
    if _is_there(folder, files):
        return folder
    # Written beside and renamed, so that a folder with this name is whole.
    partial = folder.with_name(f".{NAME}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name, content in files.items():
        path = partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder


def app_files() -> dict[str, bytes]:
    """Returns the app: relative path to content, in order of paths."""
    files = {PROJECT: _project().encode()}
    for package in PACKAGES:
        root = Path(str(resources.files(package)))
        files |= {
            f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes()
            for path in root.rglob("*.py")
        }
    return dict(sorted(files.items()))


def content_hash(files: Mapping[str, bytes]) -> str:
    """Returns the start of a SHA-256 over all names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_HASH_DIGITS]


def _is_there(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether the folder holds these files and nothing else that Flower would ship."""
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        # `flwr run` imports the packages there, and leaves byte code.
        if path.is_file() and path.parent.name != "__pycache__"
    }
    return found.keys() == files.keys() and all(
        path.read_bytes() == files[name] for name, path in found.items()
    )


def _project() -> str:
    project = {
        "name": NAME,
        "version": metadata.version(NAME),
        "description": metadata.metadata(NAME)["Summary"],
        "license": "Apache-2.0",
        # Installed by each machine's owner; nothing is installed while a run goes on.
        "dependencies": [],
    }
    app = {
        "publisher": NAME,
        "fab-include": [f"{package}/**/*.py" for package in PACKAGES],
        "components": {"serverapp": "server.app:app", "clientapp": "client.app:app"},
        # Flower overrides only the keys that it finds here.
        "config": tomllib.loads(Config(name=NAME).to_toml()),
    }
    return tomli_w.dumps({"project": project, "tool": {"flwr": {"app": app}}})
