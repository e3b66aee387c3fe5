"""The keys of a config, as nested sections and as dotted names."""

from __future__ import annotations

from collections.abc import Mapping

from common.config.section import Section


def nested(flat: Mapping[str, object]) -> dict[str, object]:
    """Returns ``{"a.b": 1}`` as ``{"a": {"b": 1}}``; deeper dots stay in the key."""
    result: dict[str, object] = {}
    for key, value in flat.items():
        section, dot, inner = key.partition(".")
        if not dot:
            result[key] = value
            continue
        inside = result.setdefault(section, {})
        if isinstance(inside, dict):
            inside[inner] = value
    return result


def keys_of(config: type[Section]) -> dict[str, tuple[str, ...]]:
    """Returns the known keys of each section; section "" is the top level."""
    return {
        section: tuple(str(field.alias) for field in model.model_fields.values())
        for section, model in sections_of(config).items()
    }


def is_text_in(config: type[Section], key: str) -> bool:
    """Returns whether a dotted key holds neither a number nor a truth."""
    section, _, inner = key.rpartition(".")
    model = sections_of(config).get(section)
    fields = model.model_fields.values() if model else ()
    kinds = {field.alias: field.annotation for field in fields}
    return kinds.get(inner) not in (bool, int, float)


def sections_of(config: type[Section]) -> dict[str, type[Section]]:
    """Returns the section models by name; "" is the config itself."""
    known: dict[str, type[Section]] = {"": config}
    for field in config.model_fields.values():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            known[str(field.alias)] = inner
    return known
