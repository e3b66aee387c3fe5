"""``state/runs.jsonl``: which run of Flower's works on which of our run folders.

Flower gives a run a new number each time it is started; ours has one run folder for
all of them. Whoever comes later, `fedstill run --resume` or `deploy status`, finds the
two together here.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from common.deployment.layout import DeploymentFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRun:
    """A run that Flower was asked to start.

    Attributes:
        flower_run_id: Flower's number of it.
        run_folder: the absolute path of the run folder.
        run_id: our own name of the run.
        started: when, in UTC, as ISO 8601.
    """

    flower_run_id: str
    run_folder: str
    run_id: str
    started: str


def record_path(deployment: DeploymentFolder) -> Path:
    """Returns where the started runs are written down."""
    return deployment.nodes.with_name("runs.jsonl")


def record_run(
    deployment: DeploymentFolder, *, flower_run_id: str, run_folder: Path, run_id: str
) -> StartedRun:
    """Writes down that a run was started just now, and returns it."""
    started = StartedRun(
        flower_run_id=flower_run_id,
        run_folder=str(run_folder),
        run_id=run_id,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    path = record_path(deployment)
    # A line that a power cut has halved must not swallow the next one.
    before = path.read_bytes() if path.exists() else b""
    end = "\n" if before and not before.endswith(b"\n") else ""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{end}{json.dumps(asdict(started))}\n")
        file.flush()
        os.fsync(file.fileno())
    return started


def started_runs(deployment: DeploymentFolder) -> list[StartedRun]:
    """Returns every run that was started, the oldest first; broken lines are left out.

    Raises:
        OSError: the record is there and cannot be read.
    """
    path = record_path(deployment)
    if not path.exists():
        return []
    found = map(_read, path.read_text("utf-8", errors="replace").splitlines())
    return [one for one in found if one is not None]


def last_run_of(deployment: DeploymentFolder, run_folder: Path) -> StartedRun | None:
    """Returns the run of Flower's that was last started for a run folder."""
    runs = [
        one for one in started_runs(deployment) if Path(one.run_folder) == run_folder
    ]
    return runs[-1] if runs else None


def _read(line: str) -> StartedRun | None:
    try:
        return StartedRun(**json.loads(line))
    except (ValueError, TypeError):
        return None
