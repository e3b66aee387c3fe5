"""One fault a run, in the middle of a round: the run ends, and no promise is broken.

Each of them writes a row into ``FEDSTILL_FAULT_TABLE``, where that names a file: the
table in docs/deploy.md is made of these rows.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from common.config import Config
from common.errors import DataError
from common.run_folder import RunFolder
from server.checkpoint import checkpoint_path, load_checkpoint
from simulations.federation import run_federation
from tests.deployment.federation import SERVER_USER, Federation, making
from tests.deployment.machines import has_networks, has_users, small_disk
from tests.deployment.scenarios import (
    AT,
    DEADLINE,
    FAULTS,
    HOLD,
    ROUNDS,
    SEED,
    SITES,
    SMALL_DISK,
    Run,
)
from tests.deployment.service import wait_until
from tests.faults.invariants import LedgerRows

TABLE = "FEDSTILL_FAULT_TABLE"
STUDENT = "global_student.safetensors"
# Whoever is away for a moment is asked again within the same round.
NOTHING_LOST = {
    "custodian killed",
    "SuperExec killed",
    "ServerApp killed",
    "SuperLink killed",
    "`fedstill run` killed",
    "server's disk full",
}
NEEDS_NETWORKS = {"site cut off for one round", "site cut off for good"}
SHORT = ("custodian killed", "ServerApp killed")

pytestmark = [pytest.mark.deploy, pytest.mark.fault]


def _config(name: str) -> Config:
    return Config.from_run_config(
        {
            "name": "".join(one if one.isalnum() else "-" for one in name).strip("-"),
            "sites": SITES,
            "seed": SEED,
            "models": f"linear:{SITES}",
            "rounds": ROUNDS,
            "round.deadline": DEADLINE,
            "round.quorum": 0.5,
            "global-student.epochs": 3,
            "baselines.enabled": False,
            "personal-student.enabled": False,
            "privacy.mechanism": "dp-head",
            "engine": "flower",
        }
    )


@pytest.fixture(scope="module")
def live() -> Iterator[Federation]:
    """A federation, used for one run after the other."""
    with making(_config("any").site_names, seed=SEED) as made:
        made.write_policies(_config("any"), reply={"at-deadline": HOLD})
        made.init()
        with small_disk(made.folder.runs, size=SMALL_DISK, user=SERVER_USER):
            made.start_server()
            for site in made.sites:
                made.admit(site)
            made.start_sites()
            yield made
            made.stop()


@contextmanager
def _never_going_back(folder: Path) -> Iterator[list[int]]:
    """Looks at the checkpoint all the while; yields the rounds that it showed."""
    seen: list[int] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.3):
            with suppress(DataError):
                state = load_checkpoint(checkpoint_path(RunFolder(folder)))
                if state is not None:
                    seen.append(state.round_number)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
    assert seen == sorted(seen), seen


def _prepare(live: Federation, config: Config, fault: str) -> None:
    """Gives every site an empty ledger, and brings back whoever went away."""
    for site in live.sites:
        site.machine.plug_if_there()
        site.custodian.stop()
    live.write_policies(config, reply={"at-deadline": HOLD})
    for site in live.sites:
        site.custodian.start()
    if fault == "joiner in mid-run":
        live.sites[0].node.stop()
        wait_until(
            lambda: live.sites[0].name not in live.online(),
            "the node to be taken for offline",
            seconds=120,
            step=2.0,
        )
    else:
        live.wait_until_all_are_online()


def _check_ledgers(live: Federation, rounds: list[dict]) -> None:
    for site in live.sites:
        rows = LedgerRows.of(site.store)
        charges = Counter(number for number, _ in rows.charges())
        assert max(charges.values(), default=0) <= 1, (site.name, charges)
        settled = {one["round_number"] for one in rows.of_kind("settlement")}
        assert settled <= charges.keys()
        assert live.verify_ledger(site).code == 0
    used = sum(one["accepted"] for one in rounds)
    charged = sum(len(LedgerRows.of(site.store).charges()) for site in live.sites)
    assert used <= charged <= SITES * ROUNDS


def _write_row(fault: str, run: Run, seconds: float, code: int) -> None:
    named = os.environ.get(TABLE)
    if not named:
        return
    rounds = run.lines()
    row = {
        "fault": fault,
        "code": code,
        "rounds": [f"{one['accepted']}/{SITES}" for one in rounds],
        "seconds": [round(one["seconds"], 1) for one in rounds],
        "after": round(seconds, 1),
        "why": [
            f"{no['site']}: {no['reason']}"
            for one in rounds
            for no in one["rejections"] + one["absences"]
        ],
    }
    with Path(named).open("a") as file:
        file.write(f"{json.dumps(row)}\n")


def _cases() -> list:
    marks = {name: () if name in SHORT else pytest.mark.long for name in FAULTS}
    return [pytest.param(name, id=name, marks=marks[name]) for name in FAULTS]


@pytest.mark.parametrize("fault", _cases())
def test_run_ends_and_nothing_is_counted_twice(fault, live, tmp_path):
    """Whatever is killed, cut off or full: the run comes to its end, and is saved."""
    if fault in NEEDS_NETWORKS and not has_networks():
        pytest.skip("network namespaces need root and ip")
    if fault == "server's disk full" and not has_users():
        pytest.skip("a small disk needs root")
    config = _config(fault)
    _prepare(live, config, fault)
    run = Run(live, config)
    with _never_going_back(run.folder):
        run.wait_for_round(AT)
        happened = time.monotonic()
        FAULTS[fault](run)

        finished = run.end()
        took = time.monotonic() - happened

    _write_row(fault, run, took, finished.code)
    rounds = run.lines()
    assert finished.code == 0, f"{finished}\n{live.logs()}"
    assert [one["round"] for one in rounds] == [*range(1, ROUNDS + 1)]
    assert (run.folder / STUDENT).exists()
    assert (run.folder / "report.html").exists()
    _check_ledgers(live, rounds)
    if fault in NOTHING_LOST:
        assert [one["accepted"] for one in rounds] == ROUNDS * [SITES]
        inline = config.with_overrides(
            {"output": str(tmp_path / "inline"), "engine": "inline"}
        )
        run_federation(inline)
        undisturbed = (tmp_path / "inline" / STUDENT).read_bytes()
        assert (run.folder / STUDENT).read_bytes() == undisturbed
