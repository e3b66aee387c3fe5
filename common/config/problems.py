"""What is wrong with a config, a line a problem, in the user's words.

``[train] learning-rate = -1: must be > 0.`` - the key, the value, what is allowed.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from common.errors import ConfigError

CONSEQUENCE = "Nothing was run."
LONGEST_VALUE = 60
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BOUNDS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}
_TYPES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
    "string_too_long": "must be shorter",
    "missing": "is missing and has no default",
}


class InconsistentError(ValueError):
    """Contradictions between keys, a line each; it never leaves this package."""


def problem(location: Sequence[str], value: object, allowed: str) -> str:
    """Returns a problem's line.

    Args:
        location: (key,) or (section, key), as the user writes them.
        value: what the user wrote.
        allowed: what is allowed, such as ``"must be > 0"``.
    """
    stop = "" if allowed.endswith("?") else "."
    return f"{_place(location)} = {shown(value)}: {allowed}{stop}"


def shown(value: object) -> str:
    """Returns a value as TOML would write it, on one line and not too long."""
    if isinstance(value, Mapping):
        return "{...}"
    if isinstance(value, str | bool):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def raise_problems(lines: Iterable[str]) -> None:
    """Raises ConfigError with every line, if there is any."""
    text = "\n".join(lines)
    if text:
        raise ConfigError(f"{text} {CONSEQUENCE}")


def in_plain_words(
    errors: Iterable[ErrorDetails], keys: Mapping[str, Sequence[str]]
) -> list[str]:
    """Returns a line for each of pydantic's errors, without its jargon.

    Args:
        errors: from ``ValidationError.errors()``.
        keys: the keys of each section; section "" holds the top level.
    """
    lines: list[str] = []
    for error in errors:
        raised = error.get("ctx", {}).get("error")
        if isinstance(raised, InconsistentError):
            lines += str(raised).splitlines()
        else:
            lines.append(_line(error, raised, keys))
    return lines


def _line(
    error: ErrorDetails, raised: object, keys: Mapping[str, Sequence[str]]
) -> str:
    location = [str(part) for part in error["loc"]]
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return problem(location, error["input"], _unknown(location, keys))
    if kind == "missing":
        return f"{_place(location)}: {_TYPES[kind]}."
    return problem(location, error["input"], _allowed(kind, context, raised, location))


def _allowed(
    kind: str, context: Mapping[str, Any], raised: object, location: Sequence[str]
) -> str:
    if kind in _BOUNDS:
        sign, key = _BOUNDS[kind]
        return f"must be {sign} {context[key]:g}"
    if kind == "literal_error":
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"must be one of {choices}"
    if kind.startswith("model_"):
        return f"must be a section, [{location[-1]}]"
    if raised is not None:
        return str(raised)
    return _TYPES.get(kind, "is not allowed here")


def _unknown(location: Sequence[str], keys: Mapping[str, Sequence[str]]) -> str:
    """Names the nearest key: here, else the same key elsewhere, else all keys."""
    section = location[0] if len(location) > 1 else ""
    key, known = location[-1], keys.get(section, ())
    nearest = difflib.get_close_matches(key, known, n=1)
    if nearest:
        return f"unknown key, did you mean {nearest[0]}?"
    for other, candidates in keys.items():
        if key in candidates:
            place = _place((other, key) if other else (key,))
            return f"unknown key here, did you mean {place}?"
    return f"unknown key, known here are {', '.join(known)}"


def _place(location: Sequence[str]) -> str:
    *sections, key = map(_quoted, location)
    return f"[{'.'.join(sections)}] {key}" if sections else key


def _quoted(key: str) -> str:
    is_short = len(key) <= LONGEST_VALUE
    return key if is_short and _BARE_KEY.fullmatch(key) else shown(key)
