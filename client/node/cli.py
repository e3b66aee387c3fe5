"""``fedstill site join`` and ``fedstill site node``: a site's side of a deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.owner.options import POLICY

node_commands = typer.Typer(rich_markup_mode="rich")

_CODES = "[bold]Exit codes[/bold]\n\n  "

Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", show_default=False)]


@node_commands.command(
    epilog="[bold]Examples[/bold]\n\n  fedstill site join hospital-a --policy site.toml"
    "\n\n  fedstill site join hospital-a --new-key\n\n"
    f"{_CODES}0 written, 2 the bundle, the policy or the key"
)
def join(
    bundle: Bundle,
    policy: Annotated[
        Path,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="The site's policy; it need not exist yet.",
        ),
    ] = POLICY,
    user: Annotated[
        str, typer.Option(metavar="NAME", help="The node's user of the system.")
    ] = "fedstill-node",
    site_user: Annotated[
        str, typer.Option(metavar="NAME", help="The custodian's user of the system.")
    ] = "fedstill-site",
    *,
    new_key: Annotated[
        bool,
        typer.Option("--new-key", help="Replace the node's key; the old one is gone."),
    ] = False,
) -> None:
    """Make the node's key on this machine, its config, and units for systemd.

    BUNDLE is the folder that the coordinator sent. The private half of the key never
    leaves; send back what this command says, and nothing else. It can be run again:
    what is there stays, and the units are written anew.
    """
    from client.node.join import join_site  # noqa: PLC0415

    lines = join_site(
        bundle, policy=policy, user=user, site_user=site_user, new_key=new_key
    )
    for line in lines:
        typer.echo(line)


@node_commands.command(
    epilog="[bold]Example[/bold]\n\n  fedstill site node /etc/fedstill/hospital-a\n\n"
    f"{_CODES}0 stopped by SIGTERM or Ctrl-C, 1 not let in, or a process ended, 2 the "
    "bundle"
)
def node(bundle: Bundle) -> None:
    """Run Flower's SuperNode for a site; a systemd unit calls this.

    It runs code that the coordinator ships, so let it have a user of its own, who may
    connect to the custodian's socket and read nothing that is private.
    """
    from client.node.supernode import run_node  # noqa: PLC0415

    run_node(bundle)
