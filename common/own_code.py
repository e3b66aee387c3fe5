"""Imports the user's own code by its name: a factory of models, a consensus rule.

Whoever calls this runs somebody's code, so it is called where that person sits: in a
simulation, at the server for a rule, and at ``load_student`` once code is allowed.
Nothing under ``client/`` does (design, section 5, rule 12): a site takes its model from
its own policy.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_MOST_LETTERS = 200


@contextmanager
def current_folder_first() -> Iterator[None]:
    """Lets imports find modules of the current folder, as ``python -m`` does.

    A console script finds what is installed only.
    """
    folder = str(Path.cwd())
    importlib.invalidate_caches()  # a module written a moment ago counts
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def import_callable(name: str) -> Callable[..., Any]:
    """Returns what a name leads to, in the current folder or the environment.

    Args:
        name: ``module:attribute``; see :func:`common.code_names.is_code_name`.

    Raises:
        ValueError: what is wrong, as the end of a sentence that names the key.
    """
    module_name, _, attribute = name.partition(":")
    try:
        with current_folder_first():
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not _is_at_or_above(error.name, module_name):
            raise ValueError(_import_failed(module_name, error)) from error
        raise ValueError(
            f"there is no module {module_name!r} in the current folder "
            f"({Path.cwd()}) or the environment"
        ) from error
    # A module that leaves the program is a fault like any other.
    except (Exception, SystemExit) as error:
        raise ValueError(_import_failed(module_name, error)) from error
    try:
        found = getattr(module, attribute)
    except AttributeError as error:
        names = [one for one in vars(module) if not one.startswith("_")]
        raise ValueError(
            f"module {module_name!r} has no {attribute!r}, only "
            f"{', '.join(sorted(names)) or 'private names'}"[:_MOST_LETTERS]
        ) from error
    if not callable(found):
        kind = type(found).__name__
        raise ValueError(f"{attribute!r} is a {kind}, no function")  # noqa: TRY004
    result: Callable[..., Any] = found
    return result


def in_one_line(error: BaseException) -> str:
    """Returns an exception of somebody's code as its type and the start of its text."""
    text = " ".join(str(error).split())[:_MOST_LETTERS]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _import_failed(module_name: str, error: BaseException) -> str:
    return f"importing {module_name!r} failed ({in_one_line(error)})"


def _is_at_or_above(missing: str, wanted: str) -> bool:
    return f"{wanted}.".startswith(f"{missing}.")
