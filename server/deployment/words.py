"""``fedstill deploy status`` as lines that a person reads."""

from __future__ import annotations

from common.byte_text import bytes_text
from server.deployment.run_status import RunStatus
from server.deployment.status import DeploymentStatus, SiteStatus

_RUNS_TOLD = 10


def status_lines(found: DeploymentStatus) -> list[str]:
    """Returns what to print, lines without their ends.

    Args:
        found: how the deployment stands.
    """
    width = max((len(one.name) for one in found.sites), default=0)
    return [
        f"Federation {found.federation} at {found.address}",
        "",
        "Sites",
        *(_site_line(one, width) for one in found.sites),
        *_unknown_lines(found.unknown_nodes),
        "",
        "Runs",
        *_run_lines(found.runs),
        "",
        f"Next: {found.next_step}",
    ]


def _site_line(site: SiteStatus, width: int) -> str:
    since = f" since {site.since}" if site.since else ""
    key = f"  {site.fingerprint}" if site.fingerprint else ""
    return f"  {site.name:<{width}}  {site.state}{since}{key}"


def _unknown_lines(nodes: tuple[str, ...]) -> list[str]:
    return [
        f"  Warning: node {one} is let in and is no site's. Shut it out, if no `deploy "
        f"admit` is under way: flwr supernode unregister {one} fedstill"
        for one in nodes
    ]


def _run_lines(runs: tuple[RunStatus, ...]) -> list[str]:
    if not runs:
        return ["  none so far"]
    lines = [line for one in runs[:_RUNS_TOLD] for line in _lines_of(one)]
    left = len(runs) - _RUNS_TOLD
    return [*lines, f"  and {left} earlier"] if left > 0 else lines


def _lines_of(run: RunStatus) -> list[str]:
    planned = "?" if run.rounds_planned is None else run.rounds_planned
    rounds = (
        "" if run.rounds_done is None else f", round {run.rounds_done} of {planned}"
    )
    submitted = f", submitted {run.submitted}" if run.submitted else ""
    lines = [f"  {run.flower_run_id}  {run.state}{rounds}{submitted}"]
    if run.run_folder:
        lines.append(f"    run folder {run.run_folder}")
    if run.up is not None and run.down is not None:
        lines.append(
            f"    soft labels and plans: {bytes_text(run.up)} up, "
            f"{bytes_text(run.down)} down"
        )
    lines.append(
        f"    with all of Flower's own: {bytes_text(run.inbound)} in, "
        f"{bytes_text(run.outbound)} out"
    )
    return lines
