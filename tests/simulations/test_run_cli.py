"""`fedstill run`, over a Flower whose runs happen in this process.

The ServerApp, the sites and the run folder are real; Flower's own processes and the
network are in tests/deployment.
"""

import json
import signal
import tomllib
from contextlib import suppress

import pytest
from typer.testing import CliRunner

import fedstill
from common.config import Config, load_config
from common.deployment.layout import DeploymentFolder
from common.errors import FedstillError
from common.run_folder import RunFolder
from server.deployment.clock import Clock
from server.outcome import RunState
from simulations import deployed_run, run_cli
from simulations.engines.inline import Faults
from simulations.federation import run_federation
from tests.server.deployment.flower_runs import FakeFlower, FakeServerApp, Time
from tests.simulations.tiny import read_lines, tiny_config

FEDERATION = """
name = "ward-study"
[server]
address = "localhost:9090"
[sites]
names = ["a", "b", "c"]
"""
NOBODY = Faults(silent_from={0: 3, 1: 3, 2: 3})


@pytest.fixture
def flower(monkeypatch):
    """What stands for Flower: it runs the whole federation at once."""
    fake = FakeFlower()
    fake.faults = None

    def on_start(_):
        values = tomllib.loads(fake.started[-1])
        if values["resume-from"]:
            config = load_config(f"{values['output']}/config.toml").with_overrides(
                {"output": values["output"], "resume": True}
            )
        else:
            config = Config.from_nested(values)
        faults, fake.faults = fake.faults, None
        with suppress(FedstillError):  # Flower hears of no exit code
            run_federation(config, faults=faults)

    fake.on_start = on_start
    monkeypatch.setattr(deployed_run, "FlowerCli", lambda _: fake)
    return fake


@pytest.fixture
def deployment(tmp_path):
    """A deployment as far as a run needs it."""
    folder = DeploymentFolder(tmp_path / "ward-study")
    folder.apps.mkdir(parents=True)
    folder.federation.write_text(FEDERATION)
    return folder


@pytest.fixture
def config(tmp_path):
    """A run of a second, in a file; it names no engine."""
    path = tmp_path / "tiny.toml"
    path.write_text(tiny_config(round__deadline=0.5).to_toml())
    return path


def _invoke(*words):
    return CliRunner().invoke(run_cli.app, [str(word) for word in words])


def _code(result):
    """The exit code that the front door gives."""
    if isinstance(result.exception, FedstillError):
        return result.exception.exit_code
    return result.exit_code


def test_leaves_what_a_simulation_leaves_but_for_what_only_it_may_show(
    flower, deployment, config
):
    """Run folder in the deployment, figures on standard output."""
    result = _invoke(config, "--deployment", deployment.root, "--format", "json")

    assert result.exit_code == 0, result.output
    folder = RunFolder(deployment.runs / "tiny")
    summary = json.loads(result.stdout)
    assert summary == json.loads(folder.summary.read_text())
    assert summary["rounds"] == 2
    assert summary["local_students"] is None
    assert summary["global_student"]["test_accuracy"] > 0
    for path in (folder.report, folder.model_card, folder.global_student):
        assert path.exists()
    assert not folder.local_students.exists()
    assert load_config(folder.config).engine == "flower"
    assert "round 2/2" in result.stderr
    assert len(flower.started) == 1


def test_text_ends_with_what_to_do_next(flower, deployment, config):
    """A table, and the report's path."""
    result = _invoke(config, "--deployment", deployment.root)

    assert result.exit_code == 0, result.output
    assert "report.html" in result.stdout.splitlines()[-1]
    assert flower.stopped == []


def test_missed_quorum_ends_the_run_with_what_there_is(flower, deployment, config):
    """Student, figures and report of the rounds before; the way to go on is told."""
    flower.faults = NOBODY

    result = _invoke(config, "--deployment", deployment.root, "--set", "rounds=3")

    folder = RunFolder(deployment.runs / "tiny")
    assert result.exit_code == 1
    assert "usable replies" in result.stderr
    assert f"fedstill run --resume {folder.root}" in result.stderr
    done = len(read_lines(folder.root))
    assert 0 < done < 3
    assert json.loads(folder.summary.read_text())["rounds"] == done
    assert folder.report.exists()
    assert folder.global_student.exists()

    again = _invoke("--resume", folder.root, "--deployment", deployment.root)

    assert again.exit_code == 0, again.output
    assert json.loads(folder.summary.read_text())["rounds"] == 3


def test_completed_run_is_reported_on_again(flower, deployment, config):
    """`--resume` starts nothing then."""
    _invoke(config, "--deployment", deployment.root)
    folder = RunFolder(deployment.runs / "tiny")
    folder.report.unlink()

    result = _invoke("--resume", folder.root, "--deployment", deployment.root)

    assert result.exit_code == 0
    assert folder.report.exists()
    assert len(flower.started) == 1


def test_refusing_sites_are_named_and_give_exit_code_3(flower, deployment, config):
    """Refused in a valid config, before any round: there is nothing to report on."""

    def on_start(_):
        app = FakeServerApp(RunFolder(deployment.runs / "tiny"), load_config(config))
        app.begin()
        app.end(RunState.FAILED, 3, "No site takes part: 3 refused.")

    flower.on_start = on_start

    result = _invoke(config, "--deployment", deployment.root)

    assert result.exit_code == 3
    assert "Error: No site takes part: 3 refused." in result.stderr
    assert "--resume" not in result.stderr
    assert not (deployment.runs / "tiny" / "summary.json").exists()


def test_ctrl_c_stops_the_run_and_says_how_to_go_on(
    flower, deployment, config, monkeypatch
):
    """Exit code 130, as of every command that Ctrl-C ends."""
    time = Time()
    app = FakeServerApp(RunFolder(deployment.runs / "tiny"), load_config(config))
    flower.on_start = lambda _: app.begin()
    time.after(2, lambda: signal.raise_signal(signal.SIGINT))
    clock = Clock(now=time.now, sleep=time.sleep)
    monkeypatch.setattr("server.deployment.run_watch.Clock", lambda: clock)

    result = _invoke(config, "--deployment", deployment.root)
    app.die()

    assert result.exit_code == 130
    assert flower.stopped == [1]
    assert "Continue with: fedstill run --resume" in result.stderr


def test_superlink_that_is_away_is_one_line(flower, deployment, config):
    """Nothing was started, nothing is left."""
    flower.is_away = True

    result = _invoke(config, "--deployment", deployment.root)

    assert _code(result) == 1
    assert "does not answer" in str(result.exception)
    assert not (deployment.runs / "tiny").exists()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sites": 4, "models": "mlp:4"}, "sites = 4: must be <= 3, the sites in"),
        ({"evaluation.path": "/nowhere.npz"}, "/nowhere.npz cannot be read"),
        ({"privacy.epsilon": -1}, "privacy.epsilon|\\[privacy\\] epsilon"),
        (
            {"transfer.path": "/nowhere.npz", "transfer.size": 0},
            "/nowhere.npz cannot be read",
        ),
    ],
)
def test_faults_of_the_user_are_told_before_anything_starts(
    flower, deployment, config, changes, fault
):
    """Exit code 2, and Flower has heard of nothing."""
    sets = [f"--set={key}={value}" for key, value in changes.items()]

    result = _invoke(config, "--deployment", deployment.root, *sets)

    assert _code(result) == 2
    with pytest.raises(FedstillError, match=fault):
        raise result.exception
    assert flower.started == []
    assert not deployment.runs.exists()


def test_taken_run_folder_is_refused(flower, deployment, config):
    """With the words that go on with it."""
    _invoke(config, "--deployment", deployment.root)

    result = _invoke(config, "--deployment", deployment.root)

    assert _code(result) == 2
    assert f"--resume {deployment.runs / 'tiny'}" in str(result.exception)
    assert len(flower.started) == 1


def test_folder_that_is_no_deployment_is_refused(flower, config, tmp_path):
    """The line names the command that makes one."""
    result = _invoke(config, "--deployment", tmp_path / "nowhere")

    assert _code(result) == 2
    assert "is no deployment: `fedstill deploy init` makes one" in str(result.exception)
    assert flower.started == []


def test_simulation_cannot_go_on_as_a_deployment(flower, deployment, tmp_path):
    """Its sites are in its own run folder."""
    run_federation(tiny_config(tmp_path / "simulated"))

    result = _invoke(
        "--resume", tmp_path / "simulated", "--deployment", deployment.root
    )

    assert _code(result) == 2
    assert "holds a simulation" in str(result.exception)
    assert flower.started == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.toml", "--resume", "b"],
        ["--resume", "b", "--set", "rounds=2"],
        ["--resume", "b", "--output", "c"],
        ["a.toml", "--set", "rounds"],
    ],
)
def test_words_that_do_not_go_together_are_refused(words):
    """By the command line itself, with exit code 2."""
    result = _invoke(*words)

    assert result.exit_code == 2
    assert "Usage" in result.stderr


def test_front_door_knows_the_command():
    """`fedstill run` is this application's."""
    assert fedstill.COMMANDS["run"] == "simulations.run_cli"
