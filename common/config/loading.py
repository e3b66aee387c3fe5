"""From a TOML file and overrides to a config."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from common.config.experiment import Config, is_text
from common.config.keys import nested
from common.config.paths import PATHS, absolute
from common.config.problems import CONSEQUENCE
from common.errors import ConfigError
from common.run_plan import Scalar


def load_config(
    path: Path | str, overrides: Mapping[str, Scalar] = MappingProxyType({})
) -> Config:
    """Returns the checked config of a file.

    A relative path of data resolves against the folder of the config file; one that
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
    changes = nested({key: _scalar(key, value) for key, value in overrides.items()})
    data_set = _data_set(values, changes)
    _resolve(values, file.parent, data_set=data_set)
    _resolve(changes, Path.cwd(), data_set=data_set)
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


def _resolve(values: dict[str, object], folder: Path, *, data_set: object) -> None:
    """Makes the paths of data absolute, in place."""
    for section, key in PATHS:
        inside = values.get(section)
        if isinstance(inside, dict) and isinstance(inside.get(key), str):
            may_be_a_name = key == "path" and data_set == "hugging-face"
            values[section] = {
                **inside,
                key: absolute(inside[key], folder=folder, may_be_a_name=may_be_a_name),
            }


def _data_set(*configs: Mapping[str, object]) -> object:
    """Returns the name of the data set that the last of some configs names."""
    sections = [values.get("data") for values in configs]
    names = [data.get("name") for data in sections if isinstance(data, dict)]
    return next((name for name in reversed(names) if name is not None), None)


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
