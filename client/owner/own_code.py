"""The owner's own code: a model and a loader that his policy names.

The only place under ``client/`` that imports a name, and the name comes from the
owner's policy file alone: no request and no run's config reaches it (design, section 5,
rule 12).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

from client.owner.policy_reading import CONSEQUENCE, write_fault
from common.code_names import is_code_name
from common.config.problems import shown
from common.errors import ConfigError, DataError
from common.models.zoo import Builder
from common.own_code import folder_first, import_callable, in_one_line
from common.own_model import build_own_model


def policy_model(name: str, *, folder: Path) -> str | Builder:
    """Returns what a policy's ``model.name`` leads to: a zoo name, or a builder.

    Args:
        name: from the policy.
        folder: of the policy, where the owner's modules are looked for first.

    Raises:
        ConfigError: there is no such code, or its import fails. The builder raises it
            where the factory fails, or gives something else than a torch module.
    """
    if not is_code_name(name):
        return name
    try:
        _require_own(name, folder)
        factory = import_callable(name, folder=folder)
    except ValueError as error:
        raise _model_fault(name, str(error)) from error
    return partial(_build, name, factory, folder)


def call_loader(name: str, *, folder: Path) -> object:
    """Returns what the owner's ``data.loader`` function gives.

    Args:
        name: ``module:function``, from the policy.
        folder: of the policy.

    Raises:
        ConfigError: there is no such code, or its import fails.
        DataError: the function fails.
    """
    key = f"[data] loader = {shown(name)}"
    try:
        _require_own(name, folder)
        function = import_callable(name, folder=folder)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}. {CONSEQUENCE}") from error
    try:
        with folder_first(folder):
            return function()
    except Exception as error:  # code of others fails in ways of its own
        fault = in_one_line(error).rstrip(".")
        raise DataError(f"{key}: it failed ({fault}). {CONSEQUENCE}") from error


def _require_own(name: str, folder: Path) -> None:
    """Raises ValueError where others can write the module beside the policy."""
    base = folder.joinpath(*name.partition(":")[0].split("."))
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if not file.is_file():
            continue
        state, of_folder = file.stat(), file.resolve().parent.stat()
        harm = "run code of theirs on your data"
        fault = write_fault(state, of_folder, uid=os.geteuid(), harm=harm)
        if fault:
            raise ValueError(f"{file} {fault}")


def _build(
    name: str,
    factory: Callable[..., object],
    folder: Path,
    input_shape: tuple[int, ...],
    num_classes: int,
) -> nn.Module:
    try:
        return build_own_model(factory, input_shape, num_classes, folder=folder)
    except ValueError as error:
        raise _model_fault(name, str(error)) from error


def _model_fault(name: str, fault: str) -> ConfigError:
    return ConfigError(f"[model] name = {shown(name)}: {fault}. {CONSEQUENCE}")
