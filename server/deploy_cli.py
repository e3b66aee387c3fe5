"""``fedstill deploy``: what a coordinator types.

Whatever is heavy is imported when a command runs, so that help and usage errors are
instant.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from common.output_format import Format, OutputFormat

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
)
deploy = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(deploy, name="deploy")

HERE = Path()
CODES = "[bold]Exit codes[/bold]\n\n  "

Deployment = Annotated[
    Path,
    typer.Option(
        "--deployment",
        metavar="DIR",
        help="The folder that `fedstill deploy init` made; this one if not said.",
        show_default=False,
    ),
]
SiteName = Annotated[str, typer.Argument(metavar="SITE", show_default=False)]


@deploy.callback(
    epilog="[bold]Start here[/bold]\n\n  fedstill deploy init FEDERATION.toml\n\n"
    "  fedstill deploy init --help"
)
def _deploy() -> None:
    """Bring up a federation on separate machines, with Flower, TLS and known nodes."""


@deploy.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill deploy init federation.toml\n\n"
    "  fedstill deploy init federation.toml --output /etc/fedstill/ward-study\n\n"
    f"{CODES}0 written, 2 the file, or the folder is taken"
)
def init(
    federation: Annotated[
        Path, typer.Argument(metavar="FEDERATION.toml", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The deployment folder; by default the federation's name.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write everything that the federation needs: keys, units, bundles, a README.

    A folder that exists is completed: sites that were added get their bundles, and
    no key that is there is changed.
    """
    from server.deployment.init import init_deployment  # noqa: PLC0415

    for line in init_deployment(federation, output):
        typer.echo(line)


@deploy.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill deploy admit hospital-a node.pub\n\n"
    f"{CODES}0 admitted, 1 the SuperLink did not answer, 2 the name or the key"
)
def admit(
    site: SiteName,
    public_key: Annotated[Path, typer.Argument(metavar="node.pub", show_default=False)],
    deployment: Deployment = HERE,
) -> None:
    """Let a site's node in, by the public key that the site has sent.

    Compare the key's fingerprint with what the site says by another way: whoever has
    the private half can answer in the site's name.
    """
    from server.deployment.nodes import admit_site  # noqa: PLC0415

    for line in admit_site(deployment, site, public_key):
        typer.echo(line)


@deploy.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill deploy revoke hospital-a\n\n"
    f"{CODES}0 revoked, 1 the SuperLink did not answer, 2 no such site"
)
def revoke(site: SiteName, deployment: Deployment = HERE) -> None:
    """Shut a site's node out, for good: its key is never accepted again."""
    from server.deployment.nodes import revoke_site  # noqa: PLC0415

    for line in revoke_site(deployment, site):
        typer.echo(line)


@deploy.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill deploy rotate\n\n"
    "  fedstill deploy rotate --authority\n\n"
    f"{CODES}0 done, 2 the folder, or the authority's key is not there"
)
def rotate(
    deployment: Deployment = HERE,
    *,
    authority: Annotated[
        bool,
        typer.Option(
            "--authority",
            help="A new authority too: every site needs its new ca.crt.",
        ),
    ] = False,
) -> None:
    """Make a new server certificate and key, and a new SuperExec secret.

    Sites need nothing for that. Restart the SuperLink and the SuperExec afterwards.
    """
    from server.deployment.rotate import rotate_keys  # noqa: PLC0415

    for line in rotate_keys(deployment, with_authority=authority):
        typer.echo(line)


@deploy.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill deploy status\n\n"
    "  fedstill deploy status --format json | jq .sites\n\n"
    f"{CODES}0 told, 1 the SuperLink did not answer, 2 the folder"
)
def status(
    deployment: Deployment = HERE, *, output_format: Format = OutputFormat.TEXT
) -> None:
    """Show the sites, whether they are connected, and the runs: rounds and bytes."""
    from server.deployment.status import deployment_status  # noqa: PLC0415
    from server.deployment.words import status_lines  # noqa: PLC0415

    found = deployment_status(deployment)
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps(found.to_dict(), indent=2))
        return
    for line in status_lines(found):
        typer.echo(line)


@deploy.command(
    epilog="[bold]Example[/bold]\n\n  fedstill deploy superlink --deployment DIR"
)
def superlink(deployment: Deployment = HERE) -> None:
    """Run Flower's SuperLink as the federation needs it; a systemd unit calls this.

    Sites reach the Fleet API and the health check; everything else answers 404 to all
    but this machine.
    """
    from server.deployment.superlink import run_superlink  # noqa: PLC0415

    run_superlink(deployment)


@deploy.command(
    epilog="[bold]Example[/bold]\n\n  fedstill deploy superexec --deployment DIR"
)
def superexec(deployment: Deployment = HERE) -> None:
    """Run Flower's SuperExec, which starts the ServerApp; a systemd unit calls this."""
    from server.deployment.superexec import run_superexec  # noqa: PLC0415

    run_superexec(deployment)
