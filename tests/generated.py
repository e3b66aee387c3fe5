"""Text that is made from the code: ``python -m tests.generated`` writes it again.

Two places repeat what ``common.config`` says: Flower's run-config defaults in
``pyproject.toml`` and the table of keys in ``docs/config.md``. Tests compare them.
"""

from pathlib import Path

import tomli_w

from common.config import Config
from common.config.explain import all_sections

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = ROOT / "pyproject.toml"
CONFIG_PAGE = ROOT / "docs" / "config.md"
RUN_NAME = "fedstill"
_RUN_CONFIG = ("# <generated: run config>\n", "# </generated>\n")
_CONFIG_TABLE = ("<!-- generated: config table -->\n", "<!-- /generated -->\n")


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
    return "\n".join(_table(section) for section in all_sections())


def _table(section):
    title = f"`{section.title}`" if section.section else section.title
    lines = [
        f"### {title}\n",
        "| key | allowed | default | meaning |",
        "|---|---|---|---|",
    ]
    for fact in section.keys:
        allowed = ", ".join(f"`{choice}`" for choice in fact.choices) or fact.allowed
        default = "required" if fact.default is None else f"`{fact.default}`"
        meaning = fact.meaning.replace("|", "\\|")
        lines.append(f"| `{fact.key}` | {allowed} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


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
