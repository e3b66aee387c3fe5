"""From a TOML file and overrides to a config."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from common.config.experiment import Config, is_text, nested
from common.config.problems import CONSEQUENCE
from common.errors import ConfigError
from common.run_plan import Scalar

_PATH = ("data", "path")


def load_config(
    path: Path | str, overrides: Mapping[str, Scalar] = MappingProxyType({})
) -> Config:
    """Returns the checked config of a file.

    A relative ``data.path`` resolves against the folder of the config file; one that
    comes as an override, against the current folder, where the user typed it.

    Args:
        path: a TOML file.
        overrides: dotted keys, such as ``{"train.epochs": 3}``. A string where a
            number or a truth belongs is read like TOML, so ``--set rounds=3`` works.

    Raises:
        ConfigError: the file cannot be read, or with every problem found, one a line.
    """
    file = Path(path)
    values = _read(file)
    _resolve(values, file.parent)
    changes = nested({key: _scalar(key, value) for key, value in overrides.items()})
    _resolve(changes, Path.cwd())
    return Config.from_nested(_merged(values, changes))


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        fault = "does not exist"
    except IsADirectoryError:
        fault = "is a folder, must be a TOML file"
    except RecursionError:
        fault = "is not valid TOML: it is nested too deeply"
    except ValueError as error:  # TOML or UTF-8, or a number of thousands of digits
        fault = f"is not valid TOML: {' '.join(str(error).split())}"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    raise ConfigError(f"Config {file} {fault}. {CONSEQUENCE}")


def _resolve(values: dict[str, object], folder: Path) -> None:
    """Makes ``data.path`` absolute, in place."""
    section, key = _PATH
    data = values.get(section)
    if isinstance(data, dict) and isinstance(data.get(key), str) and data[key]:
        try:
            absolute = (folder / Path(data[key]).expanduser()).resolve()
        except (OSError, RuntimeError, ValueError):
            return  # no such user, or no path at all: told when the data are read
        values[section] = {**data, key: str(absolute)}


def _merged(
    values: Mapping[str, object], changes: Mapping[str, object]
) -> dict[str, object]:
    result = dict(values)
    for key, change in changes.items():
        old = result.get(key)
        if isinstance(change, dict) and isinstance(old, dict):
            result[key] = {**old, **change}
        else:
            result[key] = change
    return result


def _scalar(key: str, value: Scalar) -> Scalar:
    """Reads a typed-in value: TOML for numbers and truths, text as it stands."""
    is_quoted = str(value)[:1] == '"'
    if not isinstance(value, str) or (is_text(key) and not is_quoted):
        return value
    try:
        parsed = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return value
    result = parsed["value"]
    is_scalar = isinstance(result, bool | int | float | str)
    return result if is_scalar and len(parsed) == 1 else value
