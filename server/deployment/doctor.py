"""``fedstill doctor`` on the coordinator's machine: what would stop the next run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from common.deployment.layout import DeploymentFolder
from common.doctor.access import not_seen, own_name
from common.doctor.disk import disk_finding
from common.doctor.error_line import one_line
from common.doctor.network import SuperLinkAddress, network_findings
from common.errors import ConfigError, FedstillError
from common.finding import Finding, fault, ok, warning
from common.findings import Level
from server.deployment.doctor_files import authority_of, file_findings
from server.deployment.federation_file import FederationFile, load_federation_file
from server.deployment.status import (
    DeploymentStatus,
    SiteState,
    SiteStatus,
    deployment_status,
)
from server.deployment.superexec import is_running

_REMEDIES = {
    SiteState.NOT_ADMITTED: "fedstill deploy admit {name} node.pub, once it is here.",
    SiteState.NEVER_CONNECTED: "On the site: fedstill doctor BUNDLE says why.",
    SiteState.OFFLINE: "On the site: fedstill doctor BUNDLE says why.",
    SiteState.REVOKED: "To let it in again: fedstill deploy admit, with a new key.",
    SiteState.LEAKING: "fedstill deploy revoke {name} again, or admit its new key.",
    SiteState.LOST: "fedstill deploy admit {name} node.pub again, with the key it has.",
}


def server_findings(root: Path) -> Iterator[Finding]:
    """Yields every finding about a deployment.

    Args:
        root: the folder that ``fedstill deploy init`` made.
    """
    folder = DeploymentFolder(root.resolve())
    try:
        federation = load_federation_file(folder.federation)
    except ConfigError as error:
        remedy = "Mend federation.toml, then: fedstill deploy init."
        yield fault("federation", one_line(error), remedy)
        return
    sites = federation.sites.names
    yield ok("federation", f"{federation.name}, {len(sites)} sites.")
    versions = f"Fedstill {metadata.version('fedstill')}, Flower "
    yield ok("versions", f"{versions}{metadata.version('flwr')}.")
    yield from file_findings(folder, federation)
    yield from _name_findings(federation)
    for place in (folder.database.parent, folder.runs):
        yield disk_finding(place, user=federation.server.user)
    yield from _service_findings(folder, federation)


def _name_findings(federation: FederationFile) -> Iterator[Finding]:
    host = federation.server.host
    try:
        socket.getaddrinfo(host, federation.server.port)
    except OSError:
        yield warning(
            "DNS",
            f"{host} is not known on this machine.",
            "Nothing, if the sites know it; else look for a typing error in address.",
        )
    else:
        yield ok("DNS", f"{host} is known.")


def _service_findings(
    folder: DeploymentFolder, federation: FederationFile
) -> Iterator[Finding]:
    user = federation.server.user
    authority = authority_of(folder)
    if authority is None:  # why was told above
        yield warning(
            "SuperLink",
            "SuperLink and sites were not looked at, for want of the authority's "
            "certificate.",
            "See to the files first.",
        )
        yield _superexec_finding(folder, user)
        return
    superlink = SuperLinkAddress(
        address=f"127.0.0.1:{federation.server.port}",
        authority=authority,
        renew=f"fedstill deploy rotate --deployment {folder.root}, and restart.",
    )
    is_reached = True
    for finding in network_findings(superlink):
        is_reached = is_reached and finding.level is not Level.ERROR
        # Name and clock are this machine's own.
        if finding.subject not in ("DNS", "clock"):
            yield finding
    yield _superexec_finding(folder, user)
    if not is_reached:
        return
    try:
        status = deployment_status(folder.root)
    except FedstillError as error:
        remedy = "As root or as the services' user; journalctl -u fedstill-superlink."
        yield fault("sites", one_line(error), remedy)
        return
    yield from _node_findings(status)


def _superexec_finding(folder: DeploymentFolder, user: str) -> Finding:
    try:
        runs = is_running(folder)
    except PermissionError:
        if own_name() != user:
            return not_seen("SuperExec", folder.database.parent, user=user)
        return fault(
            "SuperExec",
            f"{folder.database.parent} is not {user}'s, so it cannot run.",
            f"sudo chown -R {user} {folder.database.parent}",
        )
    if runs:
        return ok("SuperExec", "It runs.")
    return fault(
        "SuperExec",
        "It does not run, so no run would begin.",
        "systemctl start fedstill-superexec",
    )


def _node_findings(status: DeploymentStatus) -> Iterator[Finding]:
    for site in status.sites:
        yield _site_finding(site)
    for node in status.unknown_nodes:
        yield warning(
            "nodes",
            f"Node {node} is let in and is no site's.",
            f"Shut it out: flwr supernode unregister {node} fedstill.",
        )


def _site_finding(site: SiteStatus) -> Finding:
    text = f"{site.name}: {site.state}."
    remedy = _REMEDIES.get(site.state)
    if remedy is None:
        return ok("sites", text)
    return warning("sites", text, remedy.format(name=site.name))
