"""One run, as Flower counts it and as its run folder tells it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.config import load_config
from common.errors import FedstillError
from common.head_plan import planned_rounds
from common.run_folder import RunFolder
from server.deployment.flower_answers import FlowerRun
from server.deployment.run_record import StartedRun

_WORDS = {
    "pending": "waiting for the SuperExec",
    "starting": "starting",
    "running": "running",
    "finished:completed": "completed",
    "finished:failed": "failed",
    "finished:stopped": "stopped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """A run of the deployment.

    Attributes:
        flower_run_id: Flower's number as text, since it has 64 bits.
        state: in plain words.
        is_finished: whether nothing more will happen.
        submitted: when, UTC; empty for not known.
        run_folder: its path; empty where the run was not started by ``fedstill run``.
        rounds_done: finished rounds; None where the run folder cannot be read.
        rounds_planned: of the config; None where that cannot be read.
        up: bytes of the sites' messages, by our own count; None as above.
        down: bytes to the sites, by our own count; None as above.
        inbound: bytes that the SuperLink received, by Flower's count.
        outbound: bytes that the SuperLink sent, by Flower's count.
    """

    flower_run_id: str
    state: str
    is_finished: bool
    submitted: str
    run_folder: str = ""
    rounds_done: int | None = None
    rounds_planned: int | None = None
    up: int | None = None
    down: int | None = None
    inbound: int = 0
    outbound: int = 0


def run_status(run: FlowerRun, started: StartedRun | None) -> RunStatus:
    """Returns how a run stands.

    Args:
        run: as the SuperLink lists it.
        started: our record of it; None where there is none.
    """
    folder = RunFolder(Path(started.run_folder)) if started else None
    rounds = _rounds(folder.metrics) if folder else None
    return RunStatus(
        flower_run_id=str(run.run_id),
        state=_WORDS.get(run.status, run.status),
        is_finished=run.is_finished,
        submitted=run.pending_at,
        run_folder=str(folder.root) if folder else "",
        rounds_done=None if rounds is None else len(rounds),
        rounds_planned=_planned(folder.config) if folder else None,
        up=_total(rounds, "up"),
        down=_total(rounds, "down"),
        inbound=run.inbound_bytes,
        outbound=run.outbound_bytes,
    )


def _rounds(path: Path) -> list[Mapping[str, Any]] | None:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError:  # of another user
        return None
    return [one for one in _parsed(lines) if isinstance(one, dict) and "round" in one]


def _parsed(lines: Iterable[str]) -> Iterable[Any]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:  # it is being written
            continue


def _planned(path: Path) -> int | None:
    try:
        return planned_rounds(load_config(path))
    except FedstillError:
        return None


def _total(rounds: list[Mapping[str, Any]] | None, way: str) -> int | None:
    if rounds is None:
        return None
    return sum(int(one.get("bytes", {}).get(way, 0)) for one in rounds)
