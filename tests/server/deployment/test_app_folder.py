"""The app that Flower ships to every site."""

import importlib.util
import io
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from common.config import Config
from common.deployment.flower_process import flower_environment
from common.deployment.layout import DeploymentFolder
from server.deployment.app_folder import (
    PACKAGES,
    app_files,
    content_hash,
    stage_app,
)


@pytest.fixture
def deployment(tmp_path):
    return DeploymentFolder(tmp_path / "deployment")


def _names(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_app_holds_three_packages_and_nothing_else(deployment):
    """No simulations, no tests, no data, no byte code: a site gets what runs there."""
    names = _names(stage_app(deployment))

    assert {"server/app.py", "client/app.py", "pyproject.toml"} <= names
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, "pyproject.toml"}
    assert {Path(name).suffix for name in names - {"pyproject.toml"}} == {".py"}


def test_every_key_of_the_config_can_be_overridden(deployment):
    """Flower refuses a run config with a key that the app does not list."""
    project = tomllib.loads((stage_app(deployment) / "pyproject.toml").read_text())

    listed = project["tool"]["flwr"]["app"]["config"]

    assert Config.from_nested(listed) == Config(name="fedstill")
    flat = {
        f"{key}.{inner}" if isinstance(value, dict) else key
        for key, value in listed.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert flat == Config(name="fedstill").to_run_config().keys()


def test_a_staged_app_is_used_again(deployment):
    """One content, one folder; what is there is not written again."""
    first = stage_app(deployment)
    written = (first / "server" / "app.py").stat().st_mtime_ns

    second = stage_app(deployment)

    assert second == first
    assert (second / "server" / "app.py").stat().st_mtime_ns == written


@pytest.mark.parametrize("change", ["edited", "added", "removed"])
def test_a_staged_app_that_was_changed_is_made_anew(deployment, change):
    """The folder's name is its content's hash, and that stays true."""
    app = stage_app(deployment)
    before = _names(app)
    if change == "edited":
        (app / "server" / "app.py").write_text("raise SystemExit\n")
    elif change == "added":
        (app / "server" / "extra.py").write_text("")
    else:
        (app / "client" / "app.py").unlink()

    assert stage_app(deployment) == app

    assert _names(app) == before
    assert (app / "server" / "app.py").read_bytes() == app_files()["server/app.py"]


def test_hash_knows_names_and_contents():
    """Another content, another name, or a byte moved between two files: another app."""
    hashes = {
        content_hash(files)
        for files in (
            {"a": b"1", "b": b"2"},
            {"a": b"1", "b": b"3"},
            {"a": b"1", "c": b"2"},
            {"a": b"12", "b": b""},
        )
    }

    assert len(hashes) == 4
    assert content_hash({"b": b"2", "a": b"1"}) == content_hash({"a": b"1", "b": b"2"})


def test_app_comes_from_the_installed_packages(deployment, tmp_path, monkeypatch):
    """The current folder has no say: `fedstill run` works from anywhere."""
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "app.py").write_text("")
    monkeypatch.chdir(tmp_path)

    app = stage_app(deployment)

    installed = Path(importlib.util.find_spec("server.app").origin)
    assert (app / "server" / "app.py").read_bytes() == installed.read_bytes()


def test_flower_builds_a_bundle_of_exactly_these_files(deployment, tmp_path):
    """`flwr build` takes the folder, leaves nothing out, and spoils nothing."""
    app = stage_app(deployment)
    names = _names(app)
    build = [Path(sys.executable).with_name("flwr"), "build", "--app", app]

    subprocess.run(
        build,
        cwd=tmp_path,
        env=flower_environment(tmp_path / "home"),
        check=True,
        capture_output=True,
        timeout=120,
    )

    bundles = list(tmp_path.rglob("*.fab"))
    assert len(bundles) == 1
    with zipfile.ZipFile(io.BytesIO(bundles[0].read_bytes())) as archive:
        assert set(archive.namelist()) == {*names, ".info/CONTENT"}
    written = (app / "server" / "app.py").stat().st_mtime_ns
    assert (stage_app(deployment) / "server" / "app.py").stat().st_mtime_ns == written
