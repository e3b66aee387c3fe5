"""``fedstill doctor`` on a site: what would keep the next run from being answered.

It looks at what the user who runs it may look at, and says what it could not see. It
reads no private example and writes no row of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from client.custodian.wire import PROTOCOL_VERSION
from client.node.bundle_folder import check_flower, open_bundle
from client.node.doctor_custodian import custodian_findings
from client.node.doctor_node import node_findings
from client.node.doctor_policy import policy_findings
from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder
from common.doctor.error_line import one_line
from common.doctor.network import SuperLinkAddress, network_findings
from common.errors import ConfigError
from common.finding import Finding, fault, ok, warning
from common.findings import Level


def site_findings(root: Path, policy: Path | None) -> Iterator[Finding]:
    """Yields every finding about a site.

    Args:
        root: the bundle, after ``fedstill site join``.
        policy: of the custodian; None leaves out what only its owner may see.
    """
    folder = BundleFolder(root.resolve())
    opened = _open(folder)
    if isinstance(opened, Finding):
        yield opened
        return
    yield ok("bundle", f"{opened.site_name} in {opened.federation}.")
    yield _versions(opened)
    is_reached = True
    superlink = SuperLinkAddress(
        address=opened.address,
        authority=folder.authority.read_bytes(),
        renew="The coordinator runs `fedstill deploy rotate`.",
    )
    for finding in network_findings(superlink):
        is_reached = is_reached and finding.level is not Level.ERROR
        yield finding
    yield from node_findings(folder, opened, is_reached=is_reached)
    custodian = list(custodian_findings(folder))
    yield from custodian
    is_served = all(one.level is Level.OK for one in custodian)
    yield from policy_findings(policy, is_served=is_served)


def _open(folder: BundleFolder) -> SiteBundle | Finding:
    """Returns the bundle, or why nothing else was looked at."""
    remedy = "Get ca.crt and bundle.toml from the coordinator again."
    try:
        bundle = SiteBundle.read(folder.bundle)
    except ConfigError as error:
        return fault("bundle", one_line(error), remedy)
    try:
        # Before the rest, since it has a remedy of its own.
        check_flower(bundle, here=metadata.version("flwr"))
    except ConfigError as error:
        text = f"Run `pip install 'flwr=={bundle.flower}'` where Fedstill is."
        return fault("versions", one_line(error), text)
    try:
        return open_bundle(folder)
    except ConfigError as error:
        return fault("bundle", one_line(error), f"{remedy} Look at the clock, too.")


def _versions(bundle: SiteBundle) -> Finding:
    here = (metadata.version("fedstill"), metadata.version("flwr"))
    there = (bundle.fedstill, bundle.flower)
    text = f"Fedstill {here[0]} (protocol {PROTOCOL_VERSION}), Flower {here[1]}"
    if here == there:
        return ok("versions", f"{text}, as the coordinator has.")
    return warning(
        "versions",
        f"{text}; the coordinator has Fedstill {there[0]} and Flower {there[1]}.",
        "Install the same versions: another protocol is refused.",
    )
