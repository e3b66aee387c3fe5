"""A process killed at any moment loses nothing: resumed, it ends in the same bytes.

Processes are forks of this one, so that a kill costs a second and not an import of
torch; SIGKILL is as final to a fork as to any process.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt  # noqa: F401 - once here, not in each fork
import pytest
import torch

from common import failpoints
from common.data.digits import load_digits
from simulations.simulate import simulate

CONFIG = "digits-demo"
OVERRIDES = {
    "name": "crash",
    "sites": 3,
    "models": "mlp:1,cnn:1,linear:1",
    "rounds": 3,
    "distill.epochs": 5,
    "global-student.epochs": 5,
    "baselines.enabled": False,
    "personal-student.enabled": False,
}
STUDENTS = {
    "models": {"privacy.mechanism": "dp-sgd"},
    "heads": {"privacy.mechanism": "dp-head"},
}
RANDOM_KILLS = 20
MORE_RANDOM_KILLS = 200

pytestmark = pytest.mark.fault


def _in_fork(action: Callable[[], object], *, kill_after: float | None = None) -> int:
    """Runs ``action`` in a fork and returns its wait status."""
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            action()
            os._exit(0)
        finally:  # whatever happened, a fork must not go on with pytest's work
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _simulate(
    output: Path,
    students: str,
    *,
    resume: bool = False,
    failpoint: str | None = None,
):
    if failpoint is not None:
        os.environ[failpoints.VARIABLE] = failpoint
    overrides = OVERRIDES | STUDENTS[students]
    simulate(CONFIG, output=output, resume=resume, overrides=overrides)


def _outcome(output: Path) -> dict[str, object]:
    """Returns what must not depend on interruptions."""
    students = {
        path.name: path.read_bytes()
        for path in [
            output / "global_student.safetensors",
            *sorted((output / "local_students").iterdir()),
        ]
    }
    lines = [
        json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()
    ]
    return {
        "students": students,
        "metrics": [{**line, "seconds": None} for line in lines],
        "ledger": _ledger(output / "ledger.sqlite"),
    }


def _ledger(path: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
            if row[0] != "fingerprints"  # its key comes from the operating system
        ]
        rows: list[tuple[object, ...]] = []
        for name in names:
            content = connection.execute(f"SELECT * FROM {name}").fetchall()
            rows += sorted(((name, *row) for row in content), key=repr)
    return rows


@pytest.fixture(scope="module", params=STUDENTS)
def uninterrupted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """The outcome of a run that nobody killed, and how long it took."""
    load_digits()  # for its imports: forks inherit them
    output = tmp_path_factory.mktemp("crash") / "run"
    started = time.monotonic()
    assert _in_fork(lambda: _simulate(output, request.param)) == 0
    seconds = time.monotonic() - started
    return {**_outcome(output), "seconds": seconds, "of": request.param}


def _assert_same(output: Path, uninterrupted: dict[str, object]) -> None:
    outcome = _outcome(output)
    assert outcome["students"] == uninterrupted["students"]
    assert outcome["metrics"] == uninterrupted["metrics"]
    # One reservation and one settlement for each round and site: steps in the
    # weights, which are the same bytes, are the steps that were charged.
    assert outcome["ledger"] == uninterrupted["ledger"]


@pytest.mark.parametrize("visit", [1, 2])
@pytest.mark.parametrize("name", failpoints.IN_SIMULATIONS)
def test_a_kill_at_a_failpoint_changes_nothing(
    name: str, visit: int, tmp_path: Path, uninterrupted: dict[str, object]
) -> None:
    """Killed at a named point and resumed, a run ends in the same bytes."""
    output, of = tmp_path / "run", str(uninterrupted["of"])

    status = _in_fork(lambda: _simulate(output, of, failpoint=f"{name}:{visit}"))
    resumed = _in_fork(lambda: _simulate(output, of, resume=True))

    assert os.WIFSIGNALED(status), f"failpoint {name} was never reached"
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert resumed == 0
    _assert_same(output, uninterrupted)


@pytest.mark.parametrize(
    "seed",
    [
        *range(RANDOM_KILLS),
        *(
            pytest.param(seed, marks=pytest.mark.long)
            for seed in range(RANDOM_KILLS, MORE_RANDOM_KILLS)
        ),
    ],
)
def test_a_kill_at_any_moment_changes_nothing(
    seed: int, tmp_path: Path, uninterrupted: dict[str, object]
) -> None:
    """Killed twice at random moments and resumed, a run ends in the same bytes."""
    output, of = tmp_path / "run", str(uninterrupted["of"])
    generator = random.Random(seed)
    moments = [generator.uniform(0.05, uninterrupted["seconds"]) for _ in range(2)]

    def begin_or_resume() -> None:
        _simulate(output, of, resume=output.exists())

    _in_fork(begin_or_resume, kill_after=moments[0])
    _in_fork(begin_or_resume, kill_after=moments[1])
    resumed = _in_fork(begin_or_resume)

    assert resumed == 0
    _assert_same(output, uninterrupted)


def test_the_same_run_twice_gives_the_same_bytes(
    tmp_path: Path, uninterrupted: dict[str, object]
) -> None:
    """Two runs of one config end in the same students, metrics and ledger."""
    output, of = tmp_path / "again", str(uninterrupted["of"])

    assert _in_fork(lambda: _simulate(output, of)) == 0

    _assert_same(output, uninterrupted)
