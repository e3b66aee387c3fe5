"""The SuperExec's launcher."""

import os

import pytest

from common.errors import ConfigError
from server.deployment.superexec import run_superexec, superexec_words
from tests.server.deployment.fake_flower import ADDRESS, make_folder


@pytest.fixture
def folder(tmp_path):
    made = make_folder(tmp_path / "ward")
    for path in (made.authority, made.superexec_secret):
        path.parent.mkdir()
        path.write_text("0123456789abcdef" * 4)
        path.chmod(0o600)
    return made


@pytest.fixture
def started(monkeypatch):
    """What this process would have become."""
    found = {}

    def become(path, words, environment):
        found.update(path=path, words=words, environment=environment)

    mask = os.umask(0o022)
    monkeypatch.setattr(os, "execve", become)
    yield found
    os.umask(mask)


def test_it_becomes_flowers_superexec(folder, started, capfd):
    """With TLS and the secret, for the SuperLink on this machine."""
    run_superexec(folder.root)

    assert started["path"].endswith("/flower-superexec")
    assert started["words"][1:] == [
        *("--runtime-api-address", ADDRESS),
        *("--root-certificates", str(folder.authority)),
        *("--superexec-auth-secret-file", str(folder.superexec_secret)),
    ]
    assert f"SuperLink at {ADDRESS}" in capfd.readouterr().err


def test_server_apps_inherit_a_quiet_environment(folder, started, monkeypatch):
    """They find Flower's commands, use one thread, and get none of our secrets."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    run_superexec(folder.root)

    environment = started["environment"]
    assert environment["PATH"].split(os.pathsep)[0] in started["path"]
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["FLWR_HOME"] == str(folder.flower_home)
    assert "AWS_SECRET_ACCESS_KEY" not in environment


def test_a_secret_that_others_can_read_is_refused(folder, started):
    """Who has it can take over a ServerApp."""
    folder.superexec_secret.chmod(0o644)

    with pytest.raises(ConfigError, match=r"superexec\.secret: has mode 0644"):
        run_superexec(folder.root)

    assert started == {}


def test_a_secret_of_nothing_is_refused(folder, started):
    """An empty file is no secret."""
    folder.superexec_secret.write_text("")

    with pytest.raises(ConfigError, match=r"superexec\.secret: is empty"):
        run_superexec(folder.root)


def test_the_flags_are_flowers_own(folder):
    """Flower's command still has every flag that is used here."""
    from flwr.supercore.cli.flower_superexec import _parse_args  # noqa: PLC0415

    known = {word for one in _parse_args()._actions for word in one.option_strings}

    used = {word for word in superexec_words(folder) if word.startswith("--")}
    assert used <= known
