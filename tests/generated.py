"""Text that is made from the code: ``python -m tests.generated`` writes it again.

Two places repeat what ``common.config`` says: Flower's run-config defaults in
``pyproject.toml`` and the table of keys in ``docs/config.md``. Tests compare them.
"""

import inspect
import json
import re
from pathlib import Path

import tomli_w

from common.config import Config
from common.config.sections import Section

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = ROOT / "pyproject.toml"
CONFIG_PAGE = ROOT / "docs" / "config.md"
RUN_NAME = "fedstill"
_RUN_CONFIG = ("# <generated: run config>\n", "# </generated>\n")
_CONFIG_TABLE = ("<!-- generated: config table -->\n", "<!-- /generated -->\n")
_BOUNDS = {
    "exclusiveMinimum": ">",
    "minimum": ">=",
    "exclusiveMaximum": "<",
    "maximum": "<=",
}
# Bounds that only keep numbers within 32 or 64 bits say nothing to a reader.
_LARGEST_TOLD = 2**31 - 1


def run_config() -> str:
    """Returns the defaults of every key as ``[tool.flwr.app.config]``."""
    nested: dict[str, object] = {}
    for key, value in Config(name=RUN_NAME).to_run_config().items():
        section, dot, inner = key.partition(".")
        if dot:
            nested.setdefault(section, {})[inner] = value
        else:
            nested[key] = value
    return tomli_w.dumps({"tool": {"flwr": {"app": {"config": nested}}}})


def config_tables() -> str:
    """Returns a table of keys a section, as Markdown."""
    schema = Config.model_json_schema(by_alias=True)
    sections = [
        (field.alias, field.annotation)
        for field in Config.model_fields.values()
        if inspect.isclass(field.annotation) and issubclass(field.annotation, Section)
    ]
    tables = [_table(Config, "Top level", schema, skip={key for key, _ in sections})]
    for key, section in sections:
        page = section.model_json_schema(by_alias=True)
        tables.append(_table(section, f"`[{key}]`", page, skip=set()))
    return "\n".join(tables)


def _table(model, title, schema, *, skip):
    meanings = _meanings(model)
    lines = [
        f"### {title}\n",
        "| key | allowed | default | meaning |",
        "|---|---|---|---|",
    ]
    for field, (key, rules) in zip(
        model.model_fields, schema["properties"].items(), strict=True
    ):
        if key not in skip:
            default = "required"
            if "default" in rules:
                default = f"`{json.dumps(rules['default'])}`"
            allowed, meaning = _allowed(rules), meanings[field]
            lines.append(f"| `{key}` | {allowed} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _allowed(rules):
    if "const" in rules:
        return f"`{rules['const']}`"
    if "enum" in rules:
        return ", ".join(f"`{choice}`" for choice in rules["enum"])
    kinds = {
        "boolean": "true or false",
        "integer": "whole number",
        "number": "number",
        "string": "text",
    }
    bounds = [
        f"{sign} {rules[name]:g}"
        for name, sign in _BOUNDS.items()
        if name in rules and rules[name] <= _LARGEST_TOLD
    ]
    return " ".join([kinds[rules["type"]], ", ".join(bounds)]).strip()


def _meanings(model):
    """Returns what the ``Attributes:`` of a Google docstring say, a line each."""
    attributes = inspect.getdoc(model).partition("Attributes:\n")[2]
    entries = re.findall(
        r"^    (\w+): (.+?)(?=^    \w|\Z)", attributes, re.MULTILINE | re.DOTALL
    )
    return {name: _as_markdown(" ".join(text.split())) for name, text in entries}


def _as_markdown(text):
    text = text.replace("``", "`").rstrip(".").replace("|", "\\|")
    return re.sub(r":class:`(\w+)`", lambda role: f"`[{role[1].lower()}]`", text)


def between(markers: tuple[str, str], text: str) -> str:
    """Returns what stands between two marker lines of ``text``."""
    return text.partition(markers[0])[2].partition(markers[1])[0]


def places() -> dict[str, tuple[str, str]]:
    """Returns (what stands there, what should stand there) by file."""
    return {
        "pyproject.toml": (between(_RUN_CONFIG, PYPROJECT.read_text()), run_config()),
        "docs/config.md": (
            between(_CONFIG_TABLE, CONFIG_PAGE.read_text()),
            config_tables(),
        ),
    }


def main() -> None:
    """Writes both places again."""
    for file, markers, text in (
        (PYPROJECT, _RUN_CONFIG, run_config()),
        (CONFIG_PAGE, _CONFIG_TABLE, config_tables()),
    ):
        before, start, rest = file.read_text().partition(markers[0])
        file.write_text(
            before + start + text + markers[1] + rest.partition(markers[1])[2]
        )


if __name__ == "__main__":
    main()
