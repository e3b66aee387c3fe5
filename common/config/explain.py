"""What every key of a config means, read from the sections themselves.

The one source of ``fedstill config`` and of the table in ``docs/config.md``: types and
bounds come from the sections' JSON schema, meanings from their docstrings.
"""

from __future__ import annotations

import difflib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from common.config.experiment import Config
from common.config.keys import sections_of
from common.config.section import Section
from common.errors import ConfigError

TOP_LEVEL = "Top level"
NEAREST = 3
_BOUNDS = {
    "exclusiveMinimum": ">",
    "minimum": ">=",
    "exclusiveMaximum": "<",
    "maximum": "<=",
}
_KINDS = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
}
# Bounds that only keep numbers within 32 or 64 bits say nothing to a reader.
_LARGEST_TOLD = 2**31 - 1
# Units go by the key's own name, which means the same in every section.
UNITS = MappingProxyType(
    {
        "batch-size": "examples",
        "bits": "bits",
        "classes": "classes",
        "clipping-norm": "L2 norm",
        "deadline": "seconds",
        "dimension": "features",
        "epochs": "passes",
        "fraction": "share",
        "from-private": "share",
        "per-round": "examples",
        "per-site": "examples",
        "quorum": "share",
        "ridge": "examples",
        "rounds": "rounds",
        "shards-per-site": "shards",
        "sites": "sites",
        "size": "examples",
        "steps": "steps",
        "test": "examples",
        "validation": "examples",
    }
)
DIMENSIONLESS = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What there is to know about one key.

    Attributes:
        section: its section; empty for the top level.
        key: its own name.
        allowed: what may stand there, such as ``whole number >= 1``.
        choices: the texts that may stand there, where they are a closed set.
        default: as TOML writes it; None where the key is required.
        unit: of a number, ``-`` where it has none; empty for texts and truths.
        meaning: a sentence without a full stop; code stands between backticks.
    """

    section: str
    key: str
    allowed: str
    choices: tuple[str, ...]
    default: str | None
    unit: str
    meaning: str

    @property
    def name(self) -> str:
        """The dotted name, as ``--set`` takes it."""
        return f"{self.section}.{self.key}" if self.section else self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionFacts:
    """What there is to know about one section.

    Attributes:
        section: its name; empty for the top level.
        summary: what it is about; code stands between backticks.
        keys: its keys, in order.
    """

    section: str
    summary: str
    keys: tuple[KeyFacts, ...]

    @property
    def title(self) -> str:
        """The section as TOML writes it, ``[train]``, or the top level in words."""
        return f"[{self.section}]" if self.section else TOP_LEVEL


def all_sections() -> tuple[SectionFacts, ...]:
    """Returns every section with all of its keys, the top level first."""
    models = sections_of(Config)
    return tuple(
        SectionFacts(
            section=section,
            summary=_summary(model),
            keys=_keys(section, model, without=frozenset(models)),
        )
        for section, model in models.items()
    )


def explain(name: str) -> tuple[SectionFacts, ...]:
    """Returns the section or the keys that a user means.

    Args:
        name: a section (``train``, ``[train]``), a dotted key (``train.epochs``), or a
            key alone (``epochs``), which may stand in several sections. Underscores
            pass for dashes.

    Returns:
        The sections meant, each with the keys meant.

    Raises:
        ConfigError: no such section or key; names the nearest.
    """
    wanted = name.strip().strip("[]").replace("_", "-")
    sections = all_sections()
    found = (
        tuple(one for one in sections if wanted and one.section == wanted)
        or _with_keys(sections, lambda fact: fact.name == wanted)
        or _with_keys(sections, lambda fact: fact.key == wanted)
    )
    if not found:
        raise ConfigError(_unknown(name, wanted, sections))
    return found


def _with_keys(
    sections: tuple[SectionFacts, ...], is_meant: Callable[[KeyFacts], bool]
) -> tuple[SectionFacts, ...]:
    """Returns the sections that have a key that is meant, each with such keys alone."""
    kept = (replace(one, keys=tuple(filter(is_meant, one.keys))) for one in sections)
    return tuple(one for one in kept if one.keys)


def _unknown(name: str, wanted: str, sections: tuple[SectionFacts, ...]) -> str:
    names = [one.section for one in sections if one.section]
    by_own_name: dict[str, str] = {}
    for one in sections:
        names += [fact.name for fact in one.keys]
        for fact in one.keys:
            by_own_name.setdefault(fact.key, fact.name)
    own = wanted.rpartition(".")[2]
    nearest = difflib.get_close_matches(wanted, names, n=NEAREST)
    nearest += [
        by_own_name[key] for key in difflib.get_close_matches(own, by_own_name, n=1)
    ]
    guess = ", ".join(dict.fromkeys(nearest)) or ", ".join(filter(None, names[:5]))
    return (
        f"{name!r} is no key and no section of a config, the nearest are {guess}. "
        "`fedstill config` prints all keys."
    )


def _keys(
    section: str, model: type[Section], *, without: frozenset[str]
) -> tuple[KeyFacts, ...]:
    schema = model.model_json_schema(by_alias=True)["properties"]
    meanings = _meanings(model)
    return tuple(
        KeyFacts(
            section=section,
            key=key,
            allowed=_allowed(rules),
            choices=_choices(rules),
            default=json.dumps(rules["default"]) if "default" in rules else None,
            unit=_unit(key, rules),
            meaning=meanings[field],
        )
        for field, (key, rules) in zip(model.model_fields, schema.items(), strict=True)
        if section or key not in without
    )


def _allowed(rules: Mapping[str, Any]) -> str:
    choices = _choices(rules)
    if choices:
        return ", ".join(choices)
    bounds = [
        f"{sign} {rules[name]:g}"
        for name, sign in _BOUNDS.items()
        if name in rules and rules[name] <= _LARGEST_TOLD
    ]
    return " ".join([_KINDS[rules["type"]], ", ".join(bounds)]).strip()


def _choices(rules: Mapping[str, Any]) -> tuple[str, ...]:
    only = (rules["const"],) if "const" in rules else ()
    return tuple(str(choice) for choice in rules.get("enum", only))


def _unit(key: str, rules: Mapping[str, Any]) -> str:
    if key in UNITS:
        return UNITS[key]
    return DIMENSIONLESS if rules.get("type") in ("integer", "number") else ""


def _meanings(model: type[Section]) -> dict[str, str]:
    """Returns what the ``Attributes:`` of a Google docstring say, a line each."""
    attributes = (inspect.getdoc(model) or "").partition("Attributes:\n")[2]
    entries = re.findall(
        r"^    (\w+): (.+?)(?=^    \w|\Z)", attributes, re.MULTILINE | re.DOTALL
    )
    return {name: _plain(text).rstrip(".") for name, text in entries}


def _summary(model: type[Section]) -> str:
    """Returns the first line of a docstring without the section's name."""
    first = (inspect.getdoc(model) or "").partition("\n\n")[0]
    return _plain(first.rpartition("``: ")[2])


def _plain(text: str) -> str:
    text = " ".join(text.split()).replace("``", "`")
    return re.sub(r":class:`(\w+)`", lambda role: f"`[{role[1].lower()}]`", text)
