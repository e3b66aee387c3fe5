"""Where a deployment is to be: nothing that is already there is written over."""

import stat

import pytest

from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError, OutputExistsError
from server.deployment import taken_folder
from server.deployment.init import init_deployment
from server.deployment.taken_folder import is_deployment
from tests.server.deployment.deployments import (
    contents,
    make_deployment,
    write_federation,
)

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def test_another_federations_folder_is_left_alone(folder, tmp_path):
    """Both are named."""
    before = contents(folder.root)

    with pytest.raises(OutputExistsError, match="of the federation ward-study, not"):
        init_deployment(
            write_federation(tmp_path / "o.toml", name="other"), folder.root
        )

    assert contents(folder.root) == before


@pytest.mark.parametrize("kind", ["file", "file in it", "file deep in it"])
def test_something_else_is_left_alone(tmp_path, kind):
    """Nothing is written into it, and who may enter it stays."""
    output = tmp_path / "out"
    if kind == "file":
        output.write_text("x")
    else:
        below = output / "a" / "b" if kind == "file deep in it" else output
        below.mkdir(parents=True)
        (below / "thesis.txt").write_text("x")
    output.chmod(0o755)
    federation = write_federation(tmp_path / "f.toml")
    before = contents(tmp_path), sorted(tmp_path.rglob("*"))

    with pytest.raises(OutputExistsError, match="Nothing was written") as caught:
        init_deployment(federation, output)

    assert caught.value.exit_code == 2
    assert (contents(tmp_path), sorted(tmp_path.rglob("*"))) == before
    assert stat.S_IMODE(output.stat().st_mode) == 0o755


def test_folder_with_the_federations_file_is_no_deployment_yet(tmp_path):
    """The coordinator's own folder has a README, which would be written over."""
    own = tmp_path / "own"
    own.mkdir(mode=0o755)
    federation = write_federation(own / "federation.toml")
    (own / "README.md").write_text("mine")

    with pytest.raises(OutputExistsError, match="something else than a deployment"):
        init_deployment(federation, own)

    assert (own / "README.md").read_text() == "mine"
    assert sorted(path.name for path in own.iterdir()) == [
        "README.md",
        "federation.toml",
    ]
    assert not is_deployment(DeploymentFolder(own))


def test_empty_folders_are_free(tmp_path):
    """As a command that failed at its first file leaves them."""
    (tmp_path / "out" / "ca").mkdir(parents=True)

    init_deployment(write_federation(tmp_path / "f.toml"), tmp_path / "out")

    assert is_deployment(DeploymentFolder(tmp_path / "out"))


@pytest.mark.parametrize(
    ("name", "fault"),
    [("a\nUser=root", "a unit cannot hold a line break"), ("a\udcff", "must be UTF-8")],
)
def test_folder_that_no_unit_can_name_is_refused(tmp_path, name, fault):
    """Before anything is made."""
    federation = write_federation(tmp_path / "f.toml")

    with pytest.raises(ConfigError, match=fault) as caught:
        init_deployment(federation, tmp_path / name)

    assert str(caught.value).endswith("Nothing was written.")
    assert list(tmp_path.iterdir()) == [federation]


def test_program_that_systemd_would_not_start_is_refused(tmp_path, monkeypatch):
    """Its path has a quote in it; the folder is not at fault."""
    command = tmp_path / "it's here" / "fedstill"
    monkeypatch.setattr(taken_folder, "own_command", lambda: command)
    federation = write_federation(tmp_path / "f.toml")

    with pytest.raises(ConfigError, match="install Fedstill elsewhere"):
        init_deployment(federation, tmp_path / "out")

    assert list(tmp_path.iterdir()) == [federation]
