"""`fedstill site join` makes a node of a bundle, and says what to do with it."""

import json
import os
import pwd

import pytest
from typer.testing import CliRunner

from client.cli import app
from client.node.node_config import NodeConfig, node_config_path
from client.node.node_key import fingerprint, read_node_key
from client.node.site_units import NODE_UNIT, SITE_UNIT
from common.errors import ConfigError
from tests.client.node.support import make_authority, make_bundle, mode_of
from tests.client.owner.support import write_policy

ME = pwd.getpwuid(os.geteuid()).pw_name
SITE = {"site-name": "hospital-a"}


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "hospital-a")


@pytest.fixture
def policy(tmp_path):
    home = tmp_path / "custodian"
    home.mkdir(mode=0o700)
    return write_policy(home, **SITE)


def invoke(folder, policy, *words):
    words = ["site", "join", str(folder.root), "--policy", str(policy), *words]
    return CliRunner().invoke(app, words)


def join(folder, policy, *words):
    result = invoke(folder, policy, *words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refusal(folder, policy, *words):
    result = invoke(folder, policy, *words)
    assert isinstance(result.exception, ConfigError), result.output
    assert len(str(result.exception).splitlines()) == 1
    return str(result.exception)


def contents(folder):
    return {
        path.relative_to(folder.root): path.read_bytes()
        for path in folder.root.rglob("*")
        if path.is_file()
    }


def test_everything_is_there_afterwards(folder, policy):
    """Key, public key, the node's config, Flower's folder and two units."""
    join(folder, policy)

    assert {path.name for path in folder.root.iterdir()} == {
        *("bundle.toml", "ca.crt", "node.key", "node.pub", "node.toml"),
        *("flower", "systemd"),
    }
    assert {path.name for path in folder.units.iterdir()} == {NODE_UNIT, SITE_UNIT}
    assert mode_of(folder.key) == 0o600
    assert mode_of(folder.flower_home) == 0o700


def test_both_fingerprints_are_told_and_what_to_send(folder, policy):
    """Compared by another way, whoever is in between sees only public things."""
    out = join(folder, policy)

    assert fingerprint(read_node_key(folder)) in out
    authority = folder.bundle.read_text().split('authority = "')[1][:64]
    assert authority in out.replace(" ", "")
    assert f"Send {folder.public_key} back and nothing else" in out
    assert "PRIVATE" not in out


def test_public_key_says_whose_it_is(folder, policy):
    """Federation and site, so that the coordinator does not mix keys up."""
    join(folder, policy)

    assert folder.public_key.read_text().endswith(" ward-study/hospital-a\n")


def test_node_finds_the_custodian_of_the_policy(folder, policy):
    """The socket, absolute."""
    join(folder, policy)

    config = NodeConfig.read(node_config_path(folder))
    assert config.custodian == f"unix:{policy.parent / 'run' / 'site.sock'}"


def test_second_time_changes_nothing(folder, policy):
    """Key, config and units stay byte for byte."""
    join(folder, policy)
    before = contents(folder)

    out = join(folder, policy)

    assert contents(folder) == before
    assert "Kept the node's key that is there" in out


def test_lost_public_key_is_written_again(folder, policy):
    """From the private one."""
    join(folder, policy)
    before = folder.public_key.read_text()
    folder.public_key.unlink()

    join(folder, policy)

    assert folder.public_key.read_text() == before


def test_new_key_replaces_the_old_one(folder, policy):
    """No copy is kept: it would be good until the coordinator revokes it."""
    join(folder, policy)
    old = contents(folder)

    out = join(folder, policy, "--new-key")

    new = contents(folder)
    changed = {str(path) for path in old if old[path] != new[path]}
    assert changed == {"node.key", "node.pub"}
    assert old.keys() == new.keys()
    assert "revoke the old one and admit this one" in out


def test_policy_of_another_site_is_refused(folder, tmp_path):
    """Both names are said, and nothing is made."""
    policy = write_policy(tmp_path, **{"site-name": "hospital-b"})
    before = contents(folder)

    text = refusal(folder, policy)

    assert "'hospital-b'" in text
    assert "'hospital-a'" in text
    assert contents(folder) == before


def test_policy_may_come_later(folder, tmp_path):
    """It is said what is missing; done again, the config is completed."""
    policy = tmp_path / "site.toml"
    out = join(folder, policy)
    assert NodeConfig.read(node_config_path(folder)).custodian == ""
    assert f"the policy {policy} is not there yet" in out
    assert f"fedstill site init {policy}" in out

    write_policy(tmp_path, **SITE)
    join(folder, policy)

    config = NodeConfig.read(node_config_path(folder))
    assert config.custodian == f"unix:{tmp_path / 'run' / 'site.sock'}"


def test_what_the_site_wrote_into_its_config_stays(folder, policy):
    """Where the policy says something else, both are told."""
    join(folder, policy)
    node_config_path(folder).write_text('custodian = "unix:/elsewhere.sock"\n')

    out = join(folder, policy)

    assert "unix:/elsewhere.sock" in node_config_path(folder).read_text()
    assert "node.toml says custodian = 'unix:/elsewhere.sock'" in out


def test_custodian_with_mutual_tls_is_left_to_the_owner(folder, tmp_path):
    """Where it listens is told; the relay's certificate is in no policy."""
    policy = write_policy(tmp_path, **SITE | {"tls.address": "0.0.0.0:9443"})

    out = join(folder, policy)

    assert "listens at 0.0.0.0:9443 with mutual TLS" in out
    assert NodeConfig.read(node_config_path(folder)).custodian == ""


def test_other_version_of_fedstill_is_told(folder, policy, tmp_path):
    """It may work; what does not is refused by name on the day."""
    other = make_bundle(tmp_path / "other", fedstill="9.9")

    assert "the coordinator has Fedstill 9.9" in join(other, policy)
    assert "the coordinator has Fedstill" not in join(folder, policy)


def test_socket_that_the_node_cannot_reach_is_told(folder, tmp_path):
    """The group in the policy has to be the node's."""
    policy = write_policy(tmp_path, **SITE)
    shut = join(folder, policy)
    policy = write_policy(tmp_path, **SITE | {"socket.group": "fedstill-node"})
    is_open = join(folder, policy)

    assert 'cannot connect unless it is group = "fedstill-node"' in shut
    assert "cannot connect" not in is_open


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: folder.bundle.unlink(), "bundle.toml: No such file"),
        (lambda folder: folder.bundle.write_text("a = 1"), "bundle.toml: "),
        (lambda folder: folder.authority.write_text(""), "one certificate in PEM"),
        (
            lambda folder: make_bundle(
                folder.root, authority=make_authority(is_authority=False)
            ),
            "of no authority",
        ),
        (lambda folder: make_bundle(folder.root, flower="1.3.0"), "has Flower 1.3.0"),
    ],
    ids=["missing", "no bundle", "no certificate", "no authority", "flower"],
)
def test_bad_bundle_makes_no_key(change, words, folder, policy):
    """One line, and nothing is written."""
    change(folder)

    assert words in refusal(folder, policy)
    assert not folder.key.exists()
    assert not folder.units.exists()


def test_key_that_others_could_read_is_not_kept_silently(folder, policy):
    """Whoever has it can answer in the site's name."""
    join(folder, policy)
    folder.key.chmod(0o644)

    assert "has mode 0644" in refusal(folder, policy)


def test_name_that_no_user_has_is_refused(folder, policy):
    """Before anything is made."""
    assert "'two words' is no name of a user" in refusal(
        folder, policy, "--user", "two words"
    )
    assert not folder.key.exists()


def test_next_commands_make_users_only_where_there_are_none(folder, policy):
    """This process's own user exists and has the files already."""
    assert "useradd --system --user-group fedstill-node" in join(folder, policy)
    assert "useradd" not in join(folder, policy, "--user", ME)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_root_gives_the_node_what_is_the_nodes(folder, policy):
    """The key and Flower's folder; what is checked stays root's."""
    nobody = pwd.getpwnam("nobody")

    join(folder, policy, "--user", "nobody")

    assert folder.key.stat().st_uid == nobody.pw_uid
    assert folder.flower_home.stat().st_uid == nobody.pw_uid
    assert folder.authority.stat().st_uid == 0
    assert node_config_path(folder).stat().st_uid == 0
    assert mode_of(folder.key) == 0o600


def test_bundle_that_root_unpacked_for_itself_is_opened_to_the_node(folder, policy):
    """All but the key is public, and the node's user has to read it."""
    folder.root.chmod(0o700)
    folder.authority.chmod(0o600)

    join(folder, policy)

    assert mode_of(folder.root) == 0o755
    assert mode_of(folder.authority) == 0o644
    assert mode_of(folder.key) == 0o600


def test_nothing_of_the_policy_is_written_into_the_bundle(folder, policy):
    """But for paths: the node's user reads the bundle, shipped code too."""
    join(folder, policy)

    text = json.dumps({str(k): v.decode() for k, v in contents(folder).items()})
    assert "dataset-id" not in text
    assert "ward-7" not in text
