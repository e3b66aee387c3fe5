"""The coordinator's units: systemd takes them, and what they start exists."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.deployment.systemd_unit import exec_start_of
from server.deployment import server_units, taken_folder, written_files
from tests.server.deployment.commands import check_command
from tests.server.deployment.deployments import make_deployment

UNITS = ("fedstill-superlink.service", "fedstill-superexec.service")
FOLDERS = ("plain", "a b", "100%n", "$HOME", 'it\'s "here"', "back\\slash", "ä;#~*")

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _unit(folder, name):
    return (folder.units / name).read_text()


def _values(unit, key):
    lines = [line.partition("=") for line in unit.splitlines()]
    return [value for name, _, value in lines if name == key]


def _verify(*units):
    """What systemd has to say of units, and its exit code."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)],
        check=False,
        capture_output=True,
        text=True,
    )
    said = [line for line in done.stderr.splitlines() if "fedstill" in line]
    return said, done.returncode


needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not on this machine"
)


@needs_systemd
@pytest.mark.parametrize("name", FOLDERS)
def test_systemd_has_nothing_to_say_of_them(tmp_path, monkeypatch, name):
    """Whatever folder it is; systemd itself looks whether the command is there."""
    command = tmp_path / "a b;100%n $HOME" / "fedstill"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for module in (taken_folder, written_files):
        monkeypatch.setattr(module, "own_command", lambda: command)
    (tmp_path / name).mkdir()
    folder = make_deployment(tmp_path / name)

    assert _verify(*(folder.units / unit for unit in UNITS)) == ([], 0)


@needs_systemd
def test_systemd_would_say_so(folder):
    """A key that it does not know, a command that is not there."""
    path = folder.units / UNITS[0]
    path.write_text(_unit(folder, UNITS[0]).replace("RestartSec=", "RestartSecs="))
    said, _ = _verify(path)
    assert any("RestartSecs" in line for line in said)

    path.write_text(_unit(folder, UNITS[1]).replace("/fedstill ", "/fedstil "))
    said, code = _verify(path)
    assert any("is not executable" in line for line in said)
    assert code != 0


@pytest.mark.parametrize("name", UNITS)
def test_services_are_started_again_for_ever(folder, name):
    """Under a user of their own, with the folder alone to write to."""
    unit = _unit(folder, name)

    assert _values(unit, "Restart") == ["always"]
    assert _values(unit, "RestartSec") == ["5"]
    assert _values(unit, "StartLimitIntervalSec") == ["0"]
    assert _values(unit, "User") == ["fedstill-server"]
    assert _values(unit, "NoNewPrivileges") == ["yes"]
    assert _values(unit, "ProtectSystem") == ["strict"]
    written = " ".join(_values(unit, "ReadWritePaths")).split()
    own = {path for path in written if path.startswith(str(folder.root))}
    folders = (folder.database.parent, folder.runs, folder.flower_home)
    assert own == set(map(str, folders))


def test_nothing_secret_is_in_a_unit(folder):
    """All users may read them."""
    secrets = (folder.superexec_secret, folder.key, folder.authority_key)
    for name in UNITS:
        lines = _unit(folder, name).splitlines()
        for secret in secrets:
            assert not set(lines) & set(secret.read_text().split("\n")) - {""}
            assert secret.read_text() not in _unit(folder, name)


def test_superlink_does_not_hold_up_a_restart(folder):
    """It takes half a minute to end by itself where a connection is idle."""
    assert _values(_unit(folder, UNITS[0]), "TimeoutStopSec") == ["15"]


def test_whole_superexec_is_ended(folder):
    """A ServerApp that outlived it would be there twice; the SuperLink is not needed.

    With Requires= a SuperLink that starts anew would end a run's ServerApp.
    """
    unit = _unit(folder, UNITS[1])

    assert _values(unit, "KillMode") == ["control-group"]
    assert UNITS[0] in _values(unit, "After")[0].split()
    assert not [line for line in unit.splitlines() if line.startswith("Requires")]


@pytest.mark.parametrize("name", UNITS)
def test_exec_start_is_a_command_of_ours(folder, name):
    """It is read back word by word."""
    first, *words = exec_start_of(_unit(folder, name))

    assert first.endswith("/fedstill")
    assert words[-1] == str(folder.root)
    check_command(words)


@pytest.mark.parametrize("name", FOLDERS)
def test_folder_with_a_difficult_name_survives(tmp_path, name):
    """As what is started reads it."""
    (tmp_path / name).mkdir()
    folder = make_deployment(tmp_path / name)

    for unit in UNITS:
        assert exec_start_of(_unit(folder, unit))[-1] == str(folder.root)


def test_command_is_this_environments(folder):
    """Not whatever PATH has first, which systemd would not know."""
    command = server_units.own_command()

    assert command.parent == Path(sys.executable).parent
    for name in UNITS:
        assert exec_start_of(_unit(folder, name))[0] == str(command)
