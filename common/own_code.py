"""Imports the user's own code by its name: a factory of models, a consensus rule.

Whoever calls this runs somebody's code, so it is called where that person sits: in a
simulation, at the server for a rule, at ``load_student`` once code is allowed, and for
a site by ``client/owner/``, which has the names from the owner's policy and from
nowhere else (design, section 5, rule 12).
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
    with folder_first(Path.cwd()):
        yield


@contextmanager
def folder_first(folder: Path) -> Iterator[None]:
    """Lets imports find modules of a folder before any others."""
    importlib.invalidate_caches()  # a module written a moment ago counts
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def import_callable(name: str, *, folder: Path | None = None) -> Callable[..., Any]:
    """Returns what a name leads to, in a folder or the environment.

    Args:
        name: ``module:attribute``; see :func:`common.code_names.is_code_name`.
        folder: where modules are looked for first; None for the current one.

    Raises:
        ValueError: what is wrong, as the end of a sentence that names the key.
    """
    module_name, _, attribute = name.partition(":")
    place = f"the current folder ({Path.cwd()})" if folder is None else str(folder)
    try:
        with folder_first(folder or Path.cwd()):
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not _is_at_or_above(error.name, module_name):
            raise ValueError(_import_failed(module_name, error)) from error
        raise ValueError(
            f"there is no module {module_name!r} in {place} or the environment"
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
