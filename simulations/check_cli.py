"""``fedstill check`` and ``fedstill config``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.errors import ConfigError
from common.output_format import OutputFormat
from simulations.cli import Assignments, Format, parse_assignments, require_extra

if TYPE_CHECKING:
    from common.config import Config
    from common.config.explain import KeyFacts, SectionFacts
    from simulations.check.finding import Finding

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)

CHECK_EXAMPLES = """[bold]Examples[/bold]

  fedstill check digits-demo

  fedstill check my.toml --set privacy.epsilon=1 --set privacy.mechanism=dp-head

  fedstill check my.toml --format json | jq '.findings[] | select(.level == "error")'

[bold]Exit codes[/bold]

  0 it can run, 2 an error in the config, data or models"""

CONFIG_EXAMPLES = """[bold]Examples[/bold]

  fedstill config

  fedstill config privacy

  fedstill config privacy.delta

  fedstill config learning-rate"""


@app.command(epilog=CHECK_EXAMPLES)
def check(
    config: Annotated[str, typer.Argument(metavar="CONFIG", show_default=False)],
    assignments: Assignments = None,
    *,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Say what a run would do, promise and cost, without running it.

    CONFIG is a TOML file, or the name of a bundled config. Data are read to see their
    shape and size; nothing is trained and no private value is shown.
    """
    overrides = parse_assignments(assignments or [])
    require_extra()
    from common.findings import exit_code  # noqa: PLC0415
    from simulations.check.display import last_line, print_findings  # noqa: PLC0415

    loaded = _load(config, overrides)
    found = _findings(loaded)
    if output_format is OutputFormat.JSON:
        findings = list(found)
        typer.echo(json.dumps(_figures(config, findings), indent=2, allow_nan=False))
    else:
        console = Console()
        findings = print_findings(console, found)
        changes = [f"--set={key}={value}" for key, value in overrides.items()]
        line = last_line(findings, _next_command(loaded, config, changes))
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    code = exit_code(findings)
    if code:
        raise typer.Exit(code)


@app.command(epilog=CONFIG_EXAMPLES)
def config(
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY]", show_default=False)
    ] = None,
    *,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Explain a key of a config, or print all keys.

    KEY is a section (privacy), a key in it (privacy.delta), or a key alone (delta).
    """
    from common.config.explain import all_sections, explain  # noqa: PLC0415

    sections = all_sections() if key is None else explain(key)
    if output_format is OutputFormat.JSON:
        facts = [
            {"name": fact.name, **asdict(fact)} for one in sections for fact in one.keys
        ]
        typer.echo(json.dumps(facts, indent=2))
        return
    console = Console()
    if sum(len(one.keys) for one in sections) == 1:
        _print_key(console, sections[0].keys[0])
        return
    for one in sections:
        console.print(_table(one))
    console.print(
        "Change one: fedstill simulate CONFIG --set KEY=VALUE", highlight=False
    )


def _load(name: str, overrides: dict[str, str]) -> Config | ConfigError:
    """Returns a config, or what is wrong with it; one that is not there is raised."""
    from common.config import load_config  # noqa: PLC0415
    from simulations.locate import find_config  # noqa: PLC0415

    file = find_config(name)
    try:
        return load_config(file, overrides)
    except ConfigError as error:
        return error


def _findings(loaded: Config | ConfigError) -> Iterator[Finding]:
    """Yields every finding; a config that cannot be read is one of them."""
    if isinstance(loaded, ConfigError):
        # Told of before torch has been loaded.
        from simulations.check.of_config import config_problems  # noqa: PLC0415

        yield from config_problems(loaded)
        return
    from simulations.check.checkup import check as check_config  # noqa: PLC0415

    yield from check_config(loaded)


def _next_command(
    loaded: Config | ConfigError, name: str, changes: list[str]
) -> list[str]:
    if not isinstance(loaded, ConfigError) and loaded.data.is_at_sites:
        return ["fedstill", "run", name, *changes, "--deployment", "DIR"]
    return ["fedstill", "simulate", name, *changes]


def _figures(name: str, findings: list[Finding]) -> dict[str, object]:
    from common.findings import exit_code  # noqa: PLC0415

    return {
        "config": name,
        "ok": exit_code(findings) == 0,
        "findings": [
            {
                "group": finding.group,
                "level": finding.level,
                "text": finding.text,
                "figures": {key: _json(one) for key, one in finding.figures.items()},
            }
            for finding in findings
        ],
    }


def _json(figure: object) -> object:
    """Returns a figure as JSON knows it; an infinite one is null."""
    is_infinite = isinstance(figure, float) and math.isinf(figure)
    return None if is_infinite else figure


def _table(section: SectionFacts) -> Table:
    table = Table(
        title=f"{escape(section.title)}  {section.summary}".replace("`", ""),
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Key", no_wrap=True)
    for column in ("Default", "Unit", "Allowed", "Meaning"):
        table.add_column(column, overflow="fold")
    for fact in section.keys:
        row = (fact.key, _default(fact), fact.unit, fact.allowed, fact.meaning)
        table.add_row(*(escape(cell.replace("`", "")) for cell in row))
    return table


def _print_key(console: Console, fact: KeyFacts) -> None:
    rows = {
        "meaning": f"{fact.meaning}.".replace("`", ""),
        "allowed": fact.allowed,
        "default": _default(fact),
        "unit": fact.unit or "-",
    }
    console.print(f"[bold]{escape(fact.name)}[/bold]")
    width = max(map(len, rows))
    for name, text in rows.items():
        console.print(f"  {name.ljust(width)}  {escape(text)}", highlight=False)
    console.print(
        f"Change it: fedstill simulate CONFIG --set {fact.name}=VALUE",
        highlight=False,
        soft_wrap=True,
    )


def _default(fact: KeyFacts) -> str:
    return "required" if fact.default is None else fact.default
