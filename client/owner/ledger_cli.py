"""``fedstill site ledger``: what an auditor may ask of an owner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.owner.options import (
    POLICY,
    PolicyOption,
    YesOption,
    echo_json,
)
from common.output_format import Format, OutputFormat

ledger = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

_CODES = "[bold]Exit codes[/bold]\n\n  "


@ledger.callback(
    epilog="[bold]Start here[/bold]\n\n  fedstill site ledger verify --policy site.toml"
)
def _ledger() -> None:
    """Verify the privacy ledger, or sign a statement of it for an auditor."""


@ledger.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site ledger verify --policy site.toml"
    f"\n\n{_CODES}0 it can be believed, 1 it cannot, 3 more was spent than the budget"
)
def verify(
    policy: PolicyOption = POLICY, *, output_format: Format = OutputFormat.TEXT
) -> None:
    """Recompute chain and epsilon from the entries alone; also while it serves."""
    from client.owner.ledger_words import (  # noqa: PLC0415
        report_figures,
        report_lines,
    )
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415
    from client.owner.verification import verified  # noqa: PLC0415

    report = verified(load_policy_file(policy))
    if output_format is OutputFormat.JSON:
        echo_json(report_figures(report))
    else:
        for line in report_lines(report):
            typer.echo(line)
        typer.echo(
            "Next: fedstill site ledger export --output statement.json "
            f"--policy {policy}"
        )
    if not report.is_believable:
        raise typer.Exit(1)
    if not report.is_within_budget:
        raise typer.Exit(3)


@ledger.command(
    "export",
    epilog="[bold]Examples[/bold]\n\n  fedstill site ledger export --output "
    "statement.json",
)
def export_statement(
    output: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The statement, as JSON.", show_default=False
        ),
    ],
    policy: PolicyOption = POLICY,
) -> None:
    """Write a statement of what was spent, signed with the site's own key.

    The key is made at the first statement and stays in the state folder; tell the
    auditor its public half by another way.
    """
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415
    from client.owner.verification import write_statement  # noqa: PLC0415

    public_key = write_statement(load_policy_file(policy), output)
    typer.echo(f"{output}: signed. Tell the auditor by another way, public key:")
    typer.echo(public_key)
    typer.echo(f"Next: fedstill site ledger audit {output} --public-key {public_key}")


@ledger.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site ledger audit statement.json "
    f"--public-key 3b6a27bc...\n\n{_CODES}0 it holds, 2 it proves nothing, 3 more was "
    "spent than the budget"
)
def audit(
    statement: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    public_key: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="The site's key, as its owner told it; left out, anybody's will do.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Verify a statement, as an auditor: signature, chain and epsilon."""
    from client.owner.verification import read_statement  # noqa: PLC0415

    found = read_statement(statement, public_key)
    spent, budget = found.spent, found.budget
    is_kept = budget.covers(spent)
    typer.echo(f"Site {found.site_name}, dataset id {found.dataset_id}")
    typer.echo(f"  signed by  {found.public_key}")
    typer.echo(f"  chain      {found.head.entries} entries, recomputed")
    typer.echo(
        f"  spent      epsilon {spent.epsilon:.4g} of {budget.epsilon:g} at delta "
        f"{spent.delta:g}, recomputed"
    )
    if public_key is None:
        typer.echo("Next: ask the owner for his key, and give it with --public-key.")
    else:
        typer.echo(f"The budget is {'kept' if is_kept else 'EXCEEDED'}.")
    if not is_kept:
        raise typer.Exit(3)


@ledger.command(
    "second-head",
    epilog="[bold]Examples[/bold]\n\n  fedstill site ledger second-head --policy "
    "site.toml",
)
def second_head(policy: PolicyOption = POLICY, *, yes: YesOption = False) -> None:
    """Record the ledger as it is in the second head, by your own word.

    For a second head that was lost, or that is new to a ledger with entries. A rollback
    before this moment can no longer be shown. Stop the custodian first.
    """
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415
    from client.owner.verification import remake_second_head  # noqa: PLC0415

    loaded = load_policy_file(policy)
    if not yes:
        typer.confirm(
            f"Whatever a rollback took from the ledger of {loaded.dataset_id} before "
            "is forgotten with this. Is the ledger the newest one?",
            abort=True,
        )
    entries = remake_second_head(loaded)
    typer.echo(f"{loaded.ledger.second_head}: {entries} entries are on record.")
    typer.echo(f"Next: fedstill site serve --policy {policy}")
