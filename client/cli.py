"""``fedstill site``: what a data owner types."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from client.node.cli import node_commands
from client.owner.ledger_cli import ledger
from client.owner.options import (
    POLICY,
    PolicyOption,
    YesOption,
    echo_json,
)
from common.output_format import Format, OutputFormat

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)
site = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(site, name="site")
site.add_typer(ledger, name="ledger")
site.add_typer(node_commands)  # without a name: its commands are this group's

CODES = "[bold]Exit codes[/bold]\n\n  "


@site.callback(
    epilog="[bold]Start here[/bold]\n\n  fedstill site init --data examples.npz\n\n"
    "  fedstill site check\n\n  fedstill site serve"
)
def _site() -> None:
    """Keep private data, and answer runs under a guarantee that nobody else can break.

    The custodian owns data, student, ledger and policy in a process of its own. Start
    with a policy file: it says what any run may ever ask.
    """


@site.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site serve --policy site.toml\n\n"
    f"{CODES}0 stopped by SIGTERM or Ctrl-C, 1 the ledger cannot be used, 2 policy or "
    "data"
)
def serve(policy: PolicyOption = POLICY) -> None:
    """Serve the site until it is told to stop.

    Standard output carries a JSON line for each request, without anything private;
    what a person should read goes to standard error.
    """
    from client.owner.serving import serve_site  # noqa: PLC0415

    serve_site(policy)


@site.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site init --data examples.npz\n\n"
    "  fedstill site init ward-7/site.toml --from experiment.toml\n\n"
    "  fedstill site init --from experiment.toml --bundle ward-7\n\n"
    f"{CODES}0 written, 2 there is a file already, or a bad config"
)
def init(
    path: Annotated[Path, typer.Argument(metavar="[PATH]")] = POLICY,
    example: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="CONFIG",
            help="An experiment's TOML file, whose runs the site should join.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Your private examples: .npz, a table, or a folder of IDX files.",
            show_default=False,
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder that a coordinator sent; it has the site's name.",
            show_default=False,
        ),
    ] = None,
    node_group: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Of the node's user: puts the socket where systemd's units expect it.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Write a policy file with a word on every key; it is for you to go through.

    Nothing of your data is read, and an existing file stays as it is.
    """
    from client.owner.policy_init import write_policy_file  # noqa: PLC0415

    notes = write_policy_file(
        path, config_file=example, data=data, bundle=bundle, node_group=node_group
    )
    typer.echo(f"Wrote {path}. Nothing of your data was read.")
    for note in notes:
        typer.echo(f"Note: {note}")
    typer.echo(f"Next: edit it, then: fedstill site check --policy {path}")


@site.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site check --policy site.toml\n\n"
    f"{CODES}0 the site can serve, 2 something is to be mended"
)
def check(
    policy: PolicyOption = POLICY, *, output_format: Format = OutputFormat.TEXT
) -> None:
    """Prove in advance that policy, data, model, ledger and socket work.

    Nothing is charged or trained, and no row of the ledger is written. What it says
    of your rows is for you only.
    """
    from client.owner import words  # noqa: PLC0415
    from client.owner.check import check as check_site  # noqa: PLC0415
    from common.finding_words import finding_lines  # noqa: PLC0415
    from common.findings import exit_code  # noqa: PLC0415

    findings = list(check_site(policy))
    code = exit_code(findings)
    if output_format is OutputFormat.JSON:
        echo_json({"ok": code == 0, "findings": [asdict(one) for one in findings]})
    else:
        for line in finding_lines(findings):
            typer.echo(line)
        typer.echo(words.last_finding_line(findings, policy=str(policy)))
    if code:
        raise typer.Exit(code)


@site.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site status --policy site.toml\n\n"
    "  fedstill site status --format json | jq .left"
)
def status(
    policy: PolicyOption = POLICY, *, output_format: Format = OutputFormat.TEXT
) -> None:
    """Show what was spent, on which runs, and what is left; also while it serves."""
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415
    from client.owner.status import site_status  # noqa: PLC0415
    from client.owner.words import status_lines  # noqa: PLC0415

    found = site_status(load_policy_file(policy))
    if output_format is OutputFormat.JSON:
        echo_json(asdict(found))
        return
    for line in status_lines(found):
        typer.echo(line)
    next_ = "ledger verify" if found.runs else "serve"
    typer.echo(f"Next: fedstill site {next_} --policy {policy}")


@site.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site export run-1 --output students\n\n"
    f"{CODES}0 written, 2 an unknown run, 3 the policy does not allow it"
)
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", show_default=False)],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to.", show_default=False)
    ],
    policy: PolicyOption = POLICY,
    *,
    output_format: Format = OutputFormat.TEXT,
) -> None:
    """Write the released and the personal student of a run; also while it serves.

    The personal student is trained now, without noise: it is for you only.
    """
    from client.owner.export import NO_GUARANTEE, export_run  # noqa: PLC0415
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415

    written = export_run(load_policy_file(policy), run, output)
    if output_format is OutputFormat.JSON:
        files = {"released": str(written.released), "personal": written.personal}
        echo_json({**files, "privacy_of_personal": NO_GUARANTEE})
        return
    typer.echo(f"{written.released}: released student, {written.guarantee}.")
    if written.personal is not None:
        typer.echo(f"{written.personal}: personal student. {NO_GUARANTEE}")
    typer.echo(f"Next: fedstill predict {written.released} EXAMPLES")


@site.command(
    "close-run",
    epilog="[bold]Examples[/bold]\n\n  fedstill site close-run run-1"
    f"\n\n{CODES}0 closed, 1 a custodian has the ledger, 2 an unknown run, policy or "
    "data",
)
def close_run(
    run: Annotated[str, typer.Argument(metavar="RUN", show_default=False)],
    policy: PolicyOption = POLICY,
) -> None:
    """End a run that will never be finished, so that its budget is free again.

    An open run holds all the budget that was committed to it. What it has spent stays
    spent, and its further rounds are refused. Stop the custodian first.
    """
    from client.owner.closing import close_run as close  # noqa: PLC0415
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415

    close(load_policy_file(policy), run)
    typer.echo(f"Run {run} is closed. What it has spent stays spent.")
    typer.echo(f"Next: fedstill site status --policy {policy}")


@site.command(
    "data-changed",
    epilog="[bold]Examples[/bold]\n\n  fedstill site data-changed --policy site.toml"
    f"\n\n{CODES}0 agreed to, 1 not, or a custodian has the ledger, 2 policy or data",
)
def data_changed(
    policy: PolicyOption = POLICY,
    *,
    yes: YesOption = False,
) -> None:
    """Say that the private data may be what they are now.

    A custodian refuses every request once its data are not those that it knows. What
    was spent on the dataset id stays spent: it is a count of what was said about these
    people, and new rows do not unsay it. Stop the custodian first.
    """
    from client.owner.open_site import open_site  # noqa: PLC0415
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415

    loaded = load_policy_file(policy)
    if not yes:
        typer.confirm(
            f"The data of {loaded.dataset_id} may be what they are now, and what was "
            "spent stays spent. Is that so?",
            abort=True,
        )
    with open_site(loaded) as opened:
        opened.accept_data()
    typer.echo(f"The data of {loaded.dataset_id} are agreed to. What was spent stays.")
    typer.echo(f"Next: fedstill site serve --policy {policy}")
