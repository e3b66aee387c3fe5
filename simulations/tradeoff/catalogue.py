"""What a sweep can run: the federation, and the baselines that are there.

Functions are named by text and imported where a cell runs: a config with a mistake is
told of before torch has been loaded.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import cast

from common.config import Config
from common.errors import ConfigError
from simulations.tradeoff.cells import CellResult

Method = Callable[[Config, Path], CellResult]

FEDERATION, NO_PRIVACY = "federation", "no-privacy"
ALONE, ALONE_WITHOUT_PRIVACY = "alone", "alone-without-privacy"
POOLED, FEDAVG = "pooled", "fedavg"

# The axes, beside partition and seed, that a method's numbers depend on.
VARIES_WITH = MappingProxyType(
    {
        FEDERATION: frozenset({"epsilon", "mechanism", "rule"}),
        NO_PRIVACY: frozenset({"mechanism", "rule"}),
        ALONE: frozenset({"epsilon", "mechanism"}),
        ALONE_WITHOUT_PRIVACY: frozenset({"mechanism"}),
        POOLED: frozenset({"epsilon", "mechanism"}),
        FEDAVG: frozenset({"epsilon"}),
    }
)
BASELINES = tuple(name for name in VARIES_WITH if name != FEDERATION)

# (method, students) -> "module:function". Students are `heads` under dp-head and
# `models` elsewhere. What does not vary with the mechanism stands under `models`.
METHODS = MappingProxyType(
    {
        (FEDERATION, "models"): "simulations.tradeoff.methods:federation",
        (FEDERATION, "heads"): "simulations.tradeoff.methods:federation",
        (NO_PRIVACY, "models"): "simulations.tradeoff.methods:federation",
        (NO_PRIVACY, "heads"): "simulations.tradeoff.methods:federation",
        (ALONE, "models"): "simulations.tradeoff.methods:alone",
        (ALONE, "heads"): "simulations.tradeoff.methods:alone",
        (ALONE_WITHOUT_PRIVACY, "models"): "simulations.tradeoff.methods:alone",
        (ALONE_WITHOUT_PRIVACY, "heads"): "simulations.tradeoff.methods:alone",
        (POOLED, "heads"): "simulations.tradeoff.methods:pooled_head",
        (FEDAVG, "models"): "simulations.tradeoff.methods:dp_fedavg",
    }
)


def students_of(mechanism: str) -> str:
    """Returns which students a mechanism trains: ``heads`` or ``models``."""
    return "heads" if mechanism == "dp-head" else "models"


def mechanism_of(method: str, mechanism: str) -> str:
    """Returns the mechanism that a method's cells have in a sweep over ``mechanism``.

    DP-FedAvg is DP-SGD whatever the federation does, and what has no epsilon and no
    mechanism has none.
    """
    axes = VARIES_WITH[method]
    if "mechanism" in axes:
        return mechanism
    return "dp-sgd" if "epsilon" in axes else "none"


def is_there(method: str, mechanism: str) -> bool:
    """Returns whether a method can be run in a sweep over a mechanism."""
    return (method, students_of(mechanism_of(method, mechanism))) in METHODS


def find_method(method: str, mechanism: str) -> Method:
    """Returns the function that runs a method under a mechanism.

    Raises:
        ConfigError: there is none.
    """
    place = METHODS.get((method, students_of(mechanism)))
    if place is None:
        raise ConfigError(
            f"Method {method!r} is not there for the mechanism {mechanism!r}. It was "
            "not run."
        )
    module, _, name = place.partition(":")
    return cast("Method", getattr(importlib.import_module(module), name))
