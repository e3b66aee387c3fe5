"""Flower's commands: what they are asked, and what their answers mean."""

import subprocess
from pathlib import Path

import pytest

from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError, FedstillError
from server.deployment import flower_cli
from server.deployment.flower_answers import (
    FlowerNode,
    FlowerRun,
    SuperLinkAwayError,
    SuperLinkRefusedError,
)
from server.deployment.flower_cli import FlowerCli
from tests.server.deployment.fake_flower import (
    ADDRESS,
    FakeFlower,
    always_late,
    make_folder,
)

BIG = 17_297_940_561_866_994_298  # above 2**63
# As flwr 1.41 has printed them.
NODES = {
    "success": True,
    "nodes": [
        {
            "node-id": str(BIG),
            "owner-name": "none",
            "status": "registered",
            "created-at": "2026-11-26 06:13:29Z",
            "online-at": "N/A",
            "online-elapsed": 0.0,
            "offline-at": "N/A",
            "deleted-at": "N/A",
        }
    ],
}
RUNS = {
    "success": True,
    "runs": [
        {
            "run-id": "42",
            "federation-id": "",
            "fab-id": "fedstill/fedstill",
            "fab-name": "fedstill",
            "fab-version": "0.1.0",
            "fab-hash": "00",
            "status": "finished:failed",
            "status-details": "Task failed with unknown error",
            "elapsed": 12.5,
            "pending-at": "2026-11-26 06:13:29Z",
            "starting-at": "N/A",
            "running-at": "N/A",
            "finished-at": "N/A",
            "network-traffic": {
                "inbound-bytes": 71025,
                "outbound-bytes": 90903,
                "total-bytes": 161928,
            },
            "compute-time": {
                "serverapp-seconds": 59.5,
                "clientapp-seconds": 2.66,
                "total-seconds": 62.16,
            },
        }
    ],
}
CHATTER = "Using SuperLink: fedstill (127.0.0.1:9090)\nListing all nodes...\n\n"


@pytest.fixture
def flower(tmp_path, monkeypatch):
    home = tmp_path / "fake"
    home.mkdir()
    fake = FakeFlower(home)
    monkeypatch.setattr(flower_cli, "flower_command", lambda name: fake.script)
    return fake


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "ward")


@pytest.fixture
def cli(folder):
    return FlowerCli(folder)


def refusal(message):
    return {"success": False, "error-message": CHATTER + message}


def test_register_hands_over_the_key_and_the_name(flower, cli, tmp_path, monkeypatch):
    """The key's path is made absolute: the command runs in another folder."""
    monkeypatch.chdir(tmp_path)
    flower.answers({"success": True, "node-id": BIG})

    node_id = cli.register(Path("node.pub"), "hospital-a")

    assert node_id == BIG
    assert flower.words == [
        *("supernode", "register", str(tmp_path / "node.pub"), "fedstill"),
        *("--name", "hospital-a", "--format", "json"),
    ]


def test_a_command_sees_only_the_deployments_environment(
    flower, cli, folder, monkeypatch
):
    """Flower's home is the deployment's; secrets of the caller are not handed on."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://elsewhere:3128")

    cli.unregister(BIG)

    assert flower.environment["FLWR_HOME"] == str(folder.flower_home)
    assert flower.environment["FLWR_TELEMETRY_ENABLED"] == "0"
    assert not {"AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"} & set(flower.environment)
    assert flower.cwd == folder.flower_home


def test_nodes_are_read(flower, cli):
    """A number above 2^63 stays exact; "N/A" is no time."""
    flower.answers(NODES, before="a notice with { a brace\n")

    assert cli.nodes() == (FlowerNode(node_id=BIG, status="registered"),)


def test_runs_are_read(flower, cli):
    """Status, its words and the bytes of one run."""
    flower.answers(RUNS)

    (run,) = cli.runs(42)

    assert run == FlowerRun(
        run_id=42,
        status="finished:failed",
        details="Task failed with unknown error",
        elapsed=12.5,
        pending_at="2026-11-26 06:13:29Z",
        inbound_bytes=71025,
        outbound_bytes=90903,
    )
    assert (run.is_finished, run.is_completed) == (True, False)
    assert flower.words == ["list", "fedstill", "--run-id", "42", "--format", "json"]


def test_run_submits_an_app_with_its_config(flower, cli, tmp_path):
    """The answer's number is that of the run."""
    flower.answers({"success": True, "run-id": str(BIG), "federation-id": ""})

    assert cli.run(tmp_path / "app", tmp_path / "run.toml") == BIG
    assert flower.words == [
        *("run", str(tmp_path / "app"), "fedstill"),
        *("--run-config", str(tmp_path / "run.toml"), "--format", "json"),
    ]


def test_a_refusal_is_one_line_in_flowers_words(flower, cli):
    """What the command said before the refusal is left out."""
    flower.answers(refusal("[code: 23] Public key already in use."))

    with pytest.raises(SuperLinkRefusedError) as caught:
        cli.register(cli.folder.root / "node.pub", "hospital-a")

    assert caught.value.is_key_in_use
    assert str(caught.value) == (
        "`flwr supernode register` failed: [code: 23] Public key already in use."
    )


def test_a_superlink_that_does_not_answer_is_named(flower, cli):
    """Nobody at the address is another error than a refusal."""
    flower.answers(
        refusal("Connection to the SuperLink is unavailable. Please check your network")
    )

    with pytest.raises(SuperLinkAwayError, match=ADDRESS) as caught:
        cli.nodes()

    assert not isinstance(caught.value, SuperLinkRefusedError)
    assert "fedstill-superlink running" in str(caught.value)


def test_a_command_without_an_answer_says_what_it_wrote(flower, cli):
    """Some faults are told on standard error, without JSON."""
    flower.answers("", stderr="Error: Public key file '/x' does not exist.\n", code=1)

    with pytest.raises(SuperLinkRefusedError, match=r"failed: Public key file '/x'"):
        cli.stop(42)


@pytest.mark.parametrize("answer", [{"success": True}, {"success": True, "nodes": [1]}])
def test_an_answer_of_another_form_is_an_error(flower, cli, answer):
    """A Flower that answers otherwise ends in one line."""
    flower.answers(answer)

    with pytest.raises(FedstillError, match="another form"):
        cli.nodes()


def test_a_command_that_hangs_is_given_up(flower, cli, monkeypatch):
    """A command has a limit, and it is told."""
    monkeypatch.setattr(subprocess, "run", always_late)

    with pytest.raises(SuperLinkAwayError, match=r"`flwr list` took over 90 s"):
        cli.runs()


def test_the_log_is_what_the_command_prints(flower, cli):
    """No JSON there."""
    flower.answers("round 1\n")

    assert cli.log(42) == "round 1\n"
    assert flower.words == ["log", "42", "fedstill", "--show"]


def test_a_log_without_a_line_is_empty(flower, cli, monkeypatch):
    """Flower waits for the first line; we do not."""
    monkeypatch.setattr(subprocess, "run", always_late)

    assert cli.log(42) == ""


def test_a_folder_that_is_no_deployment_is_named(flower, tmp_path):
    """The option that names the folder is in the message."""
    with pytest.raises(ConfigError, match=r"config\.toml: No such file.*--deployment"):
        FlowerCli(DeploymentFolder(tmp_path)).nodes()
