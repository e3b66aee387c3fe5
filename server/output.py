"""The run folder: claimed once, continued only by the same run."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from common.atomic_file import write_atomically
from common.config import Config, load_config
from common.errors import ConfigError, OutputExistsError
from common.run_folder import RunFolder

RUNS = Path("runs")
_PACKAGES = (
    "fedstill",
    "flwr",
    "torch",
    "opacus",
    "dp-accounting",
    "numpy",
    "safetensors",
)


def run_folder_of(config: Config) -> RunFolder:
    """Returns where a run's files go: ``output``, or ``runs/<name>``."""
    return RunFolder(Path(config.output or RUNS / config.name))


def open_run_folder(config: Config) -> RunFolder:
    """Claims the run folder, or opens it again to resume.

    Args:
        config: the experiment; ``resume`` says which of the two is meant.

    Raises:
        OutputExistsError: the folder holds a run and ``resume`` is false, it holds
            another run than the one to be resumed or something else, or it is a file.
        ConfigError: the folder's own config cannot be read, or there is no folder
            to be resumed.
    """
    folder = run_folder_of(config)
    if config.resume and not folder.root.exists():
        raise ConfigError(
            f"Run folder {folder.root} does not exist, so there is nothing to resume. "
            "Start the run without --resume. Nothing was run."
        )
    if folder.config.exists():
        _require_same_run(folder, config)
    else:
        _require_free(folder)
    folder.root.mkdir(parents=True, exist_ok=True)
    # The environment comes first: a folder with a config is a folder that is whole.
    if not folder.environment.exists():
        write_atomically(folder.environment, _environment(config))
    if not folder.config.exists():
        write_atomically(folder.config, config.to_toml().encode())
    return folder


def _require_free(folder: RunFolder) -> None:
    """Lets nothing in whose files a run could overwrite, or take for its own."""
    for place in (folder.root, *folder.root.parents):
        if place.exists() and not place.is_dir():
            raise OutputExistsError(
                f"Run folder {folder.root} cannot be made: {place} is a file. Choose "
                "another --output. Nothing was changed."
            )
    found = sorted(path.name for path in folder.root.glob("*"))
    others = [name for name in found if not _is_of_a_claim(name, folder)]
    if others:
        raise OutputExistsError(
            f"Run folder {folder.root} holds other files and no run, such as "
            f"{others[0]}. Choose another --output. Nothing was changed."
        )


def _is_of_a_claim(name: str, folder: RunFolder) -> bool:
    """Whether a claim that was killed may have left a file of this name."""
    environment, config = folder.environment.name, folder.config.name
    return name in (environment, f".{environment}.partial", f".{config}.partial")


def _require_same_run(folder: RunFolder, config: Config) -> None:
    if not config.resume:
        raise OutputExistsError(
            f"Run folder {folder.root} holds a run already. Continue it with --resume "
            "or choose another --output. Nothing was changed."
        )
    held = load_config(folder.config).run_id
    if held != config.run_id:
        raise OutputExistsError(
            f"Run folder {folder.root} holds run {held}, the config is of run "
            f"{config.run_id}. Only the same config can resume it; choose another "
            "--output. Nothing was changed."
        )


def _environment(config: Config) -> bytes:
    content = {
        "run_id": config.run_id,
        "seed": config.seed,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.system(),
            "release": platform.release(),
            "architecture": platform.machine(),
            "cpus": os.cpu_count(),
        },
    }
    return f"{json.dumps(content, indent=2)}\n".encode()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
