"""Units are systemd's, and every command in a deployment's folder exists."""

import re
import shlex
import shutil
import subprocess

import click
import pytest
import typer

import fedstill
from common.deployment.systemd_unit import exec_start_of
from tests.server.deployment.deployments import SITES, make_deployment

UNITS = ("fedstill-superlink.service", "fedstill-superexec.service")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _unit(folder, name):
    return (folder.units / name).read_text()


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here"
)
def test_systemd_finds_nothing_to_say(folder):
    """Neither an unknown key nor a value that it would pass over."""
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(folder.units / name) for name in UNITS)],
        check=False,
        capture_output=True,
        text=True,
    )

    said = [
        line
        for line in done.stderr.splitlines()
        if "fedstill" in line and "is not executable" not in line
    ]
    assert said == []


@pytest.mark.parametrize("name", UNITS)
def test_services_are_started_again_for_ever(folder, name):
    """Under a user of their own, with the folder alone to write to."""
    unit = _unit(folder, name)

    assert "Restart=always" in unit
    assert "StartLimitIntervalSec=0" in unit
    assert "User=fedstill-server" in unit
    assert "NoNewPrivileges=yes" in unit
    for path in (folder.database.parent, folder.runs, folder.flower_home):
        assert str(path) in unit
    assert f"{folder.authority.parent} " not in unit


def test_nothing_secret_is_in_a_unit(folder):
    """All users may read them."""
    secret = folder.superexec_secret.read_text()
    for name in UNITS:
        assert secret not in _unit(folder, name)
        assert "PRIVATE" not in _unit(folder, name)


def test_superlink_does_not_hold_up_a_restart(folder):
    """It takes half a minute to end by itself where a connection is idle."""
    assert "TimeoutStopSec=15" in _unit(folder, UNITS[0])


_COMMAND = re.compile(
    r"(?:^|[\s/\"'])fedstill\s+(?P<rest>(?:site|deploy|run|doctor)\b.*)"
)


def _commands(text):
    """The `fedstill ...` commands in a text, each as words."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        found = _COMMAND.search(line)
        if found and not line.lstrip().startswith(("Fedstill", "#!")):
            yield shlex.split(found["rest"].split("`")[0], comments=True)


def _resolve(words):
    """Walks down to the command; fails where there is none, or an option is not its."""
    group = click.Context(typer.main.get_group(fedstill._app), info_name="fedstill")
    command = group.command
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(group, name)
        assert found is not None, name
        command = found
    command.make_context(command.name, list(words), resilient_parsing=False)


@pytest.mark.parametrize("where", ["server", "site", "units"])
def test_every_command_in_what_was_written_exists(folder, where):
    """With the options and the number of words that stand there."""
    site = folder.bundle(SITES[0])
    texts = {
        "server": [folder.readme.read_text()],
        "site": [site.readme.read_text()],
        "units": [_unit(folder, name) for name in UNITS],
    }[where]
    found = [words for text in texts for words in _commands(text)]

    assert len(found) >= {"server": 8, "site": 5, "units": 2}[where]
    for words in found:
        _resolve(list(words))


@pytest.mark.parametrize("name", UNITS)
def test_exec_start_is_a_command_of_ours(folder, name):
    """It is read back word by word."""
    first, *words = exec_start_of(_unit(folder, name))

    assert first.endswith("/fedstill")
    assert words[-1] == str(folder.root)
    _resolve(words)


def test_folder_with_a_difficult_name_survives(tmp_path):
    """Blanks, per cent and dollar signs."""
    root = tmp_path / "a b%c$d"
    root.mkdir()
    folder = make_deployment(root)

    for name in UNITS:
        assert exec_start_of(_unit(folder, name))[-1] == str(folder.root)


def test_compose_publishes_one_port_and_says_that_it_is_untried(folder):
    """Sites reach the SuperLink; nothing else is open, nothing more is allowed."""
    text = folder.compose.read_text()

    assert text.count("ports:") == 1
    assert '"9090:9090"' in text
    assert text.count('restart: "always"') == 2
    assert text.count('cap_drop: ["ALL"]') == 2
    assert "was not tried" in text
    assert "ports:" not in folder.bundle(SITES[0]).compose.read_text()


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker here")
def test_compose_is_understood_by_docker(folder):
    """By the command that would start it, where there is one."""
    done = subprocess.run(
        ["docker", "compose", "-f", str(folder.compose), "config", "--quiet"],
        check=False,
        capture_output=True,
        text=True,
    )
    if "unknown" in done.stderr or "is not a docker command" in done.stderr:
        pytest.skip("this docker has no compose")

    assert done.returncode == 0, done.stderr
