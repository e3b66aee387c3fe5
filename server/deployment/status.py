"""How a deployment stands: its sites, its runs, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from common.deployment.layout import DeploymentFolder
from server.deployment.federation_file import load_federation_file
from server.deployment.flower_answers import FlowerNode
from server.deployment.flower_cli import FlowerCli
from server.deployment.node_book import SiteKeys, read_nodes
from server.deployment.nodes import live_nodes
from server.deployment.run_record import started_runs
from server.deployment.run_status import RunStatus, run_status


class SiteState(StrEnum):
    """How a site stands.

    ``LEAKING`` is a site that was revoked, or has another key by now, while the
    SuperLink still accepts the old one: a command was interrupted. ``LOST`` is one
    whose key the SuperLink does not accept although it was admitted.
    """

    NOT_ADMITTED = "not admitted"
    NEVER_CONNECTED = "admitted, never connected"
    ONLINE = "online"
    OFFLINE = "offline"
    REVOKED = "revoked"
    LEAKING = "old key still accepted"
    LOST = "admitted, not known to the SuperLink"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """A site of the federation.

    Attributes:
        name: its name.
        state: how it stands.
        since: when it came online or was lost, UTC; empty where that says nothing.
        fingerprint: of the key that is accepted; empty for none.
        node_id: Flower's number as text, since it has 64 bits; empty for none.
    """

    name: str
    state: SiteState
    since: str = ""
    fingerprint: str = ""
    node_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """How a deployment stands.

    Attributes:
        federation: its name.
        address: of the SuperLink, as the sites reach it.
        sites: all of the federation, and those that were admitted once.
        unknown_nodes: Flower's numbers, as text, of nodes that are let in and are no
            site's; there should be none.
        runs: the newest first.
        next_step: what to do now.
    """

    federation: str
    address: str
    sites: tuple[SiteStatus, ...]
    unknown_nodes: tuple[str, ...]
    runs: tuple[RunStatus, ...]
    next_step: str

    def to_dict(self) -> dict[str, Any]:
        """Returns it as JSON knows it."""
        return asdict(self)


def deployment_status(deployment: Path) -> DeploymentStatus:
    """Returns how a deployment stands.

    Args:
        deployment: the folder that ``fedstill deploy init`` made.

    Raises:
        ConfigError: it is no such folder, or a file of it cannot be read.
        SuperLinkAwayError: the SuperLink did not answer.
    """
    folder = DeploymentFolder(deployment.resolve())
    federation = load_federation_file(folder.federation)
    book = read_nodes(folder.nodes)
    cli = FlowerCli(folder)
    live = live_nodes(cli.nodes())
    names = [*federation.sites.names, *(book.keys() - set(federation.sites.names))]
    sites = tuple(site_status(name, book.get(name, SiteKeys()), live) for name in names)
    records = {one.flower_run_id: one for one in started_runs(folder)}
    runs = tuple(
        run_status(run, records.get(str(run.run_id)))
        for run in sorted(cli.runs(), key=lambda run: run.pending_at, reverse=True)
    )
    return DeploymentStatus(
        federation=federation.name,
        address=federation.server.address,
        sites=sites,
        unknown_nodes=unknown_nodes(book, live),
        runs=runs,
        next_step=_next_step(folder, sites, runs),
    )


def site_status(
    name: str, keys: SiteKeys, live: Mapping[int, FlowerNode]
) -> SiteStatus:
    """Returns how one site stands.

    Args:
        name: its name.
        keys: what was admitted and revoked.
        live: the nodes that the SuperLink accepts, by number.
    """
    if any(one.node_id in live for one in keys.revoked):
        return SiteStatus(name=name, state=SiteState.LEAKING)
    if keys.current is None:
        state = SiteState.REVOKED if keys.revoked else SiteState.NOT_ADMITTED
        return SiteStatus(name=name, state=state)
    node = live.get(keys.current.node_id)
    return SiteStatus(
        name=name,
        state=_state(node),
        since=_since(node),
        fingerprint=keys.current.fingerprint,
        node_id=str(keys.current.node_id),
    )


def unknown_nodes(
    book: Mapping[str, SiteKeys], live: Mapping[int, FlowerNode]
) -> tuple[str, ...]:
    """Returns the numbers of nodes that are let in and are no site's."""
    known = {
        key.node_id
        for keys in book.values()
        for key in (*keys.revoked, *([keys.current] if keys.current else []))
    }
    return tuple(str(one) for one in sorted(live.keys() - known))


def _state(node: FlowerNode | None) -> SiteState:
    if node is None:
        return SiteState.LOST
    if node.status == "online":
        return SiteState.ONLINE
    return SiteState.OFFLINE if node.online_at else SiteState.NEVER_CONNECTED


def _since(node: FlowerNode | None) -> str:
    if node is None:
        return ""
    return node.online_at if node.status == "online" else node.offline_at


def _next_step(
    folder: DeploymentFolder, sites: tuple[SiteStatus, ...], runs: tuple[RunStatus, ...]
) -> str:
    where = f"--deployment {folder.root}"
    first = {one.state: one.name for one in reversed(sites)}
    leaking = first.get(SiteState.LEAKING)
    lost = first.get(SiteState.LOST)
    absent = first.get(SiteState.NOT_ADMITTED)
    if leaking:
        step = f"fedstill deploy revoke {leaking} {where}, or admit its new key again"
    elif lost:
        step = f"fedstill deploy admit {lost} node.pub {where}, with the key it has"
    elif any(not one.is_finished for one in runs):
        step = "wait for the run that is going on"
    elif SiteState.ONLINE in first:
        step = f"fedstill run CONFIG {where}"
    elif {SiteState.NEVER_CONNECTED, SiteState.OFFLINE} & first.keys():
        step = "a site starts its services; `fedstill doctor` there says what lacks"
    elif absent:
        step = (
            f"send {folder.bundle(absent).root} to {absent}, then fedstill deploy "
            f"admit {absent} node.pub {where}"
        )
    else:
        step = f"put new sites into {folder.federation}, then fedstill deploy init"
    return step
