"""Real federations in real processes, killed and continued."""

import csv
import subprocess
import sys
import time

import pytest

from simulations.tradeoff.axes import read_axes
from simulations.tradeoff.cell_files import row_from_json
from simulations.tradeoff.folder import TradeoffFolder
from simulations.tradeoff.tradeoff import run_tradeoff
from tests.simulations.tiny import tiny_config

AXES = {"epsilon": "1,inf", "seeds": 1, "partition": "iid,shards", "baselines": ""}


@pytest.mark.e2e
@pytest.mark.fault
def test_a_killed_sweep_goes_on_where_it_was(tmp_path):
    """kill -9 after the first cells: none of them is run again, all end up there."""
    base, config = tiny_config(), tmp_path / "tiny.toml"
    config.write_text(base.to_toml())
    folder, log = TradeoffFolder(tmp_path / "sweep"), tmp_path / "log"
    command = [sys.executable, "-m", "fedstill", "tradeoff", str(config), "--jobs=2"]
    command += [f"--{name}={value}" for name, value in AXES.items() if value]
    with log.open("w") as file:
        first = subprocess.Popen(
            [*command, "--no-baselines", f"--output={folder.root}"],
            stdout=file,
            stderr=file,
        )
    while not list(folder.cells.glob("*.json")):
        assert first.poll() is None, log.read_text()
        time.sleep(0.02)
    first.kill()
    first.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.cells.glob("*.json")}
    assert 0 < len(kept) < 4

    sweep = run_tradeoff(base, read_axes(base, **AXES), folder, resume=True)

    assert sweep.failed == ()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    rows = list(csv.DictReader(folder.results_csv.open()))
    assert len(rows) == len(list(folder.cells.glob("*.json"))) == 4
    assert not folder.work.exists()


@pytest.mark.e2e
def test_a_cell_holds_what_its_federation_measured(tmp_path):
    """Epsilon by the ledger, bytes, a curve a round; no bytes where none are sent."""
    base = tiny_config()
    axes = read_axes(base, epsilon="2,inf", seeds=1, baselines="alone")

    sweep = run_tradeoff(base, axes, TradeoffFolder(tmp_path))

    assert sweep.failed == ()
    cells = {(row.cell.method, row.cell.epsilon): row.result for row in sweep.rows}
    ours, alone = cells["federation", 2.0], cells["alone", 2.0]
    assert 1.9 < ours.epsilon_spent <= 2.0
    assert 1.9 < alone.epsilon_spent <= 2.0
    assert cells["federation", float("inf")].epsilon_spent == float("inf")
    assert [point.round for point in ours.curve] == [1, 2]
    assert ours.curve[-1].test_accuracy == ours.test_accuracy
    assert 0 < ours.curve[-1].bytes_up <= ours.bytes_up
    assert (alone.bytes_up, alone.curve) == (0, ())
    kept = [row_from_json(path.read_bytes()) for path in (tmp_path / "cells").iterdir()]
    assert sorted(map(repr, kept)) == sorted(map(repr, sweep.rows))
