"""Where configs and run folders are."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path

from common.config import Config
from common.errors import ConfigError
from common.run_folder import RunFolder
from server.output import run_folder_of

SUFFIX = ".toml"


def bundled_configs() -> dict[str, Path]:
    """Returns the configs that come with Fedstill: name to file, in order of names."""
    folder = Path(str(resources.files("simulations").joinpath("configs")))
    return {file.stem: file for file in sorted(folder.glob(f"*{SUFFIX}"))}


def find_config(config: Path | str) -> Path:
    """Returns the file that a user means: a path, or the bare name of a bundled one.

    A file of that path wins over a bundled config of that name.

    Raises:
        ConfigError: there is neither; names the bundled configs and the nearest.
    """
    path, bundled = Path(config), bundled_configs()
    if path.is_file():
        return path
    if str(config) in bundled:
        return bundled[str(config)]
    nearest = difflib.get_close_matches(path.stem, bundled, n=1)
    guess = f" Did you mean {nearest[0]}?" if nearest else ""
    raise ConfigError(
        f"Config {str(config)!r} is neither a file nor a bundled config "
        f"({', '.join(bundled)}). Nothing was run.{guess}"
    )


def choose_run_folder(config: Config, output: Path | None = None) -> RunFolder:
    """Returns where a run goes: ``output``, else the config's, else ``runs/<name>``."""
    return run_folder_of(config) if output is None else RunFolder(output)
