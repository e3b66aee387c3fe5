"""The ServerApp itself: run config in, run folder out, and a word on how it ended."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Context, RecordDict

import server.app
from common.config import Config
from common.errors import ConfigError, OutputExistsError, QuorumMissedError
from common.run_folder import RunFolder
from common.student_file import load_student
from server.outcome import Outcome, RunState, read_outcome
from server.run_lock import RunTakenError, is_worked_on, only_server
from tests.server.fake_grid import FakeClock, FakeGrid, Node
from tests.server.sites import (
    GarblingSite,
    HonestSite,
    RefusingSite,
    small_config,
    small_parts,
)

NAMES = ("site-00", "site-01", "site-02", "site-03")
DEPLOYED = {"engine": "flower"}


REAL_PARTS = server.app.load_public_parts


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(server.app, "load_public_parts", lambda _: small_parts())


def _nodes(site=HonestSite) -> dict[int, Node]:
    return {number: site(name) for number, name in enumerate(NAMES)}


def _start(run_config, nodes=None):
    context = Context(
        run_id=1,
        node_id=1,
        node_config={},
        state=RecordDict(),
        run_config=run_config,
    )
    server.app.app(FakeGrid(_nodes() if nodes is None else nodes, FakeClock()), context)


def _deployed(folder: RunFolder, **overrides) -> Config:
    return small_config(output=str(folder.root), **DEPLOYED, **overrides)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_the_default_folder_is_runs_and_the_name(tmp_path, monkeypatch):
    """Run config in, run folder out, under the current one."""
    monkeypatch.chdir(tmp_path)

    _start(small_config().to_run_config())

    assert (tmp_path / "runs" / "small" / "global_student.safetensors").exists()


def test_a_bad_run_config_is_refused():
    """Errors of ours leave the ServerApp as they are, with their exit codes."""
    with pytest.raises(ConfigError, match="rounds"):
        _start({"name": "small", "rounds": -1}, nodes={})


def test_a_deployed_run_says_that_it_is_completed(folder):
    """Flower says 'finished' of everything; the run folder says how."""
    _start(_deployed(folder).to_run_config())

    outcome = read_outcome(folder)
    assert outcome is not None
    assert (outcome.state, outcome.exit_code) == (RunState.COMPLETED, 0)
    assert (outcome.rounds, outcome.error) == (3, "")


def test_a_simulation_leaves_no_such_word(folder):
    """Its own process has an exit code."""
    _start(small_config(output=str(folder.root)).to_run_config())

    assert not folder.outcome.exists()
    assert read_outcome(folder) is None


@pytest.mark.parametrize(
    ("site", "error", "exit_code"),
    [
        (RefusingSite, "No site takes part: 4 refused.", 3),
        (
            lambda name: GarblingSite(name, rounds=frozenset({2})),
            "Round 2 has 0 usable replies of 4 asked sites",
            1,
        ),
    ],
)
def test_a_deployed_run_that_fails_says_why(folder, site, error, exit_code):
    """With the exit code that `fedstill run` will have."""
    with pytest.raises(Exception, match=error):
        _start(_deployed(folder).to_run_config(), _nodes(site))

    outcome = read_outcome(folder)
    assert outcome is not None
    assert outcome.state is RunState.FAILED
    assert outcome.exit_code == exit_code
    assert outcome.error.startswith(error)


def test_resume_from_goes_on_with_the_folders_own_config(folder, tmp_path):
    """Whatever else the run config says: two rounds more, from the checkpoint."""
    config = _deployed(folder)
    nodes = {
        n: GarblingSite(name, rounds=frozenset({2})) for n, name in enumerate(NAMES)
    }
    with pytest.raises(QuorumMissedError):
        _start(config.to_run_config(), nodes)
    whole = RunFolder(tmp_path / "whole")
    _start(_deployed(whole).to_run_config())
    other = small_config(seed=99, rounds=7)

    _start(other.to_run_config() | {"resume-from": str(folder.root)})

    outcome = read_outcome(folder)
    assert outcome is not None
    assert outcome.state is RunState.COMPLETED
    assert len(folder.metrics.read_text().splitlines()) == 3
    assert folder.global_student.read_bytes() == whole.global_student.read_bytes()


def test_resume_from_nothing_is_refused(folder):
    """One line that names the file."""
    with pytest.raises(ConfigError, match=r"run/config\.toml does not exist"):
        _start(small_config().to_run_config() | {"resume-from": str(folder.root)})


def test_a_second_server_app_leaves_the_first_ones_word(folder):
    """Flower relaunches a ServerApp that it has not heard of for 30 seconds."""
    _start(_deployed(folder).to_run_config())
    before = folder.outcome.read_bytes()

    with pytest.raises(OutputExistsError):
        _start(_deployed(folder).to_run_config())

    assert folder.outcome.read_bytes() == before


def test_two_server_apps_do_not_work_on_one_folder(folder, monkeypatch):
    """The second waits, and then gives up without a word or a change."""
    monkeypatch.setattr(
        server.app, "only_server", lambda one: only_server(one, patience=0)
    )
    _start(_deployed(folder).to_run_config())
    before = {path: path.read_bytes() for path in folder.root.glob("*.*")}

    with only_server(folder):
        assert is_worked_on(folder)
        with pytest.raises(RunTakenError, match="is worked on by another process"):
            _start(small_config().to_run_config() | {"resume-from": str(folder.root)})

    assert not is_worked_on(folder)
    assert {path: path.read_bytes() for path in folder.root.glob("*.*")} == before


def test_a_half_written_word_is_no_word(folder):
    """Whoever reads while it is written asks again."""
    folder.root.mkdir()
    folder.outcome.write_text('{"state": "comple')

    assert read_outcome(folder) is None

    folder.outcome.write_text(json.dumps({"state": "asleep"}))
    assert read_outcome(folder) is None
    assert Outcome(state=RunState.RUNNING).exit_code is None


def test_folder_is_a_file(tmp_path):
    """Refused before anybody says anything."""
    path = Path(tmp_path / "run")
    path.write_text("x")

    with pytest.raises(OutputExistsError, match="is a file"):
        _start(_deployed(RunFolder(path)).to_run_config())


@pytest.mark.parametrize("has_examples", [False, True])
def test_a_coordinator_needs_no_data_of_the_kind(
    folder, tmp_path, monkeypatch, has_examples
):
    """A transfer set is enough; with examples of its own it measures accuracy."""
    monkeypatch.setattr(server.app, "load_public_parts", REAL_PARTS)
    parts = small_parts()
    assert parts.test is not None
    np.savez(tmp_path / "transfer.npz", inputs=parts.transfer.inputs)
    np.savez(tmp_path / "own.npz", inputs=parts.test.inputs, labels=parts.test.labels)
    flat = small_config().to_run_config() | {
        **DEPLOYED,
        "output": str(folder.root),
        "data.name": "at-sites",
        "data.classes": parts.num_classes,
        "transfer.path": str(tmp_path / "transfer.npz"),
        "transfer.size": 0,
        "evaluation.path": str(tmp_path / "own.npz") if has_examples else "",
    }

    _start(flat)

    line = json.loads(folder.metrics.read_text().splitlines()[-1])
    accuracy = line["global_student"]["test_accuracy"]
    assert (accuracy is not None) == has_examples
    assert line["global_student"]["validation_accuracy"] is None
    assert load_student(folder.global_student) is not None
