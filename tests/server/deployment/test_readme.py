"""The READMEs of a deployment and of a bundle: their commands and paths are there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from client.node.site_units import NODE_UNIT, SITE_UNIT
from server.deployment.site_readme import CUSTODIAN_USER, NODE_USER
from tests.server.deployment.commands import check_command, commands_in
from tests.server.deployment.deployments import SITES, make_deployment

BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


@pytest.fixture
def server(folder):
    return folder.readme.read_text()


@pytest.fixture
def site(folder):
    return folder.bundle(SITES[0]).readme.read_text()


def _blocks(text):
    """The commands of all blocks, a line each."""
    assert text.count("```") == 2 * len(BLOCK.findall(text))
    joined = "".join(BLOCK.findall(text)).replace("\\\n", " ")
    return joined.splitlines()


def _names(words):
    """The commands without their options: what a README walks through."""
    return [" ".join(one[: 1 if one[0] in {"run", "doctor"} else 2]) for one in words]


def test_coordinators_commands_exist_and_are_in_order(server):
    """Each parsed by the command itself, with its options and arguments."""
    found = list(commands_in("\n".join(_blocks(server))))

    for words in found:
        check_command(words)
    assert _names(found) == [
        *("deploy init", "doctor", "deploy admit", "deploy status", "run", "run"),
        *("deploy revoke", "deploy rotate"),
    ]


def test_sites_commands_exist_and_are_in_order(site):
    """The same for the data owner's."""
    found = list(commands_in("\n".join(_blocks(site))))

    for words in found:
        check_command(words)
    assert _names(found) == [
        *("site init", "site join", "site check", "doctor", "site status"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["deploy", "restart"],
        ["deploy"],
        ["deploy", "status", "--deploymnt", "x"],
        ["deploy", "admit", "hospital-a"],
        ["deploy", "revoke", "hospital-a", "hospital-b"],
    ],
)
def test_command_that_does_not_exist_would_be_found(words):
    """A test of the test: no group, option or argument is taken that is not there."""
    with pytest.raises((AssertionError, click.UsageError)):
        check_command(words)


def test_option_in_a_sentence_exists(server):
    """The one that no block uses."""
    assert "add `--authority`" in server

    check_command(["deploy", "rotate", "--authority"])


def test_paths_in_the_coordinators_commands_are_there(server, folder):
    """But for what the coordinator brings, and the run that is to go on."""
    absolute = [
        word
        for line in _blocks(server)
        for word in shlex.split(line)
        if word.startswith("/") and not word.startswith("/etc/systemd/")
    ]
    assert str(folder.root) in absolute
    assert str(folder.federation) in absolute

    for path in map(Path, absolute):
        if path.name == "*.service":
            assert list(path.parent.glob(path.name)), path
        elif path.name == "RUN":
            assert path.parent.is_dir()
        else:
            assert path.exists(), path


def test_files_named_in_sentences_are_there(server, site, folder):
    """`ca/ca.key`, `compose.yaml` and so on, from the README's own folder."""
    brought = {
        *("node.pub", "node.key", "site.toml", "ca.crt", "bundle.toml"),
        "experiment.toml",
    }
    pattern = re.compile(r"`([a-z./]+(?:\.[a-z]+|/))`")
    for text, root in ((server, folder.root), (site, folder.bundle(SITES[0]).root)):
        named = {name for name in pattern.findall(text) if not name.startswith("/")}
        assert "compose.yaml" in named
        for name in named - brought:
            assert (root / name).exists(), name


def test_sites_units_and_users_are_those_that_join_writes(site):
    """`systemctl enable fedstill-node` is of no use where the unit is called else."""
    enabled = {
        name
        for line in _blocks(site)
        if "systemctl" in line and "daemon-reload" not in line
        for name in re.findall(r"fedstill-[a-z]+", line)
    }

    assert {f"{name}.service" for name in enabled} == {NODE_UNIT, SITE_UNIT}
    for user in (NODE_USER, CUSTODIAN_USER):
        assert f"useradd --system --user-group {user}" in site


def test_difficult_folder_is_one_word(tmp_path):
    """As a shell reads it."""
    (tmp_path / "it's $HOME").mkdir()
    folder = make_deployment(tmp_path / "it's $HOME")
    lines = _blocks(folder.readme.read_text())

    words = [word for line in lines for word in shlex.split(line)]
    assert words.count(str(folder.root)) >= 7
    assert f"{folder.units}/*.service" in words
    for line in lines:
        for command in commands_in(line):
            check_command(command)


def test_fingerprint_is_not_in_what_is_sent_as_text(site, folder):
    """Whoever changes the bundle on its way could change that too."""
    assert folder.bundle(SITES[0]).authority.exists()
    assert not re.search(r"([0-9a-f]{4} ){8}|[0-9a-f]{64}", site)
