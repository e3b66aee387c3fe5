"""`fedstill deploy init` once more: it completes, and changes no key."""

import datetime as dt
import shutil

import pytest

from client.node.bundle_folder import open_bundle
from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError, OutputExistsError
from server.deployment.certificates import make_authority
from server.deployment.init import init_deployment
from tests.server.deployment.deployments import (
    SITES,
    contents,
    disk_that_is_full,
    make_deployment,
    verify,
    write_federation,
)

# What can be made again, in no order that matters.
NAMES = (
    *("README.md", "compose.yaml", "image/Dockerfile"),
    *("server/server.crt", "server/server.key", "server/superexec.secret"),
    *(f"systemd/fedstill-{name}.service" for name in ("superlink", "superexec")),
    "flower/config.toml",
    *(
        f"sites/{site}/{name}"
        for site in SITES
        for name in ("README.md", "bundle.toml", "ca.crt", "compose.yaml")
    ),
    *(f"sites/{site}/image/Dockerfile" for site in SITES),
)
_PAIR = {"server/server.crt", "server/server.key"}
GO_TOGETHER = {
    **dict.fromkeys(_PAIR, _PAIR),
    "server/superexec.secret": {"server/superexec.secret"},
}
# What cannot.
KEPT = ("federation.toml", "ca/ca.key", "ca/ca.crt")
NUMBER_OF_WRITES = len(NAMES) + len(KEPT)

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _again(folder, tmp_path, **changes):
    federation = write_federation(tmp_path / "federation.toml", **changes)
    return init_deployment(federation, folder.root)


def test_second_time_changes_nothing(folder, tmp_path):
    """Keys above all."""
    before = contents(folder.root)

    lines = _again(folder, tmp_path)

    assert contents(folder.root) == before
    assert lines[0] == f"Completed {folder.root}."


def test_new_site_gets_a_bundle_and_the_others_keep_theirs(folder, tmp_path):
    """No key changes."""
    before = contents(folder.root)

    lines = _again(folder, tmp_path, sites=(*SITES, "hospital-c"))

    after = contents(folder.root)
    changed = {name for name in after if after[name] != before.get(name)}
    assert {name for name in changed if not name.startswith("sites/hospital-c")} == {
        "README.md",
        "federation.toml",
    }
    assert any(line.startswith("New bundles to send: hospital-c") for line in lines)


def test_site_that_left_keeps_its_bundle_and_is_named(folder, tmp_path):
    """With the command that shuts its node out."""
    lines = _again(folder, tmp_path, sites=SITES[:1])

    assert folder.bundle("hospital-b").bundle.exists()
    assert any("fedstill deploy revoke hospital-b" in line for line in lines)


def test_new_address_is_sent_again_and_needs_a_new_certificate(folder, tmp_path):
    """Both are said."""
    lines = _again(folder, tmp_path, address="new.example:9090")

    text = "\n".join(lines)
    assert "Changed bundles to send again: hospital-a, hospital-b" in text
    assert "certificate is not for new.example" in text
    assert "fedstill deploy rotate" in text


def test_what_a_site_put_into_its_bundle_stays(folder, tmp_path):
    """Where it joined on this machine."""
    key = folder.bundle("hospital-a").key
    key.write_text("its key")

    _again(folder, tmp_path)

    assert key.read_text() == "its key"


@pytest.mark.parametrize("name", NAMES)
def test_any_file_that_is_missing_is_made_again(folder, tmp_path, name):
    """And nothing else, but for what belongs to it; the chain still verifies."""
    before = contents(folder.root)
    (folder.root / name).unlink()

    _again(folder, tmp_path)

    after = contents(folder.root)
    assert after.keys() == before.keys()
    changed = {one for one in after if after[one] != before[one]}
    assert changed == GO_TOGETHER.get(name, set())
    verify(folder)


def test_federations_file_that_is_missing_is_asked_for(folder, tmp_path):
    """Without it nobody knows whose keys these are."""
    folder.federation.unlink()
    before = contents(folder.root)

    with pytest.raises(OutputExistsError, match="put the federation's file back"):
        _again(folder, tmp_path)

    assert contents(folder.root) == before


def test_bundle_that_is_missing_is_made_again(folder, tmp_path):
    """A whole folder, as it was."""
    before = contents(folder.root)
    shutil.rmtree(folder.bundle("hospital-a").root)

    _again(folder, tmp_path)

    assert contents(folder.root) == before


def test_authoritys_key_may_lie_in_a_safe(folder, tmp_path):
    """Nothing else needs it, and it is not made anew."""
    folder.authority_key.unlink()
    before = contents(folder.root)

    _again(folder, tmp_path)

    assert contents(folder.root) == before


def test_new_server_key_needs_the_key_in_the_safe(folder, tmp_path):
    """Nothing is made that the sites would refuse."""
    folder.authority_key.unlink()
    folder.key.unlink()
    before = contents(folder.root)

    with pytest.raises(ConfigError, match="put it back for as long as this command"):
        _again(folder, tmp_path)

    assert contents(folder.root) == before


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx"])
def test_authority_that_the_sites_know_is_not_made_anew(folder, tmp_path, content):
    """Nobody could connect any more: put it back, from one of the places named."""
    kept = folder.authority.read_bytes()
    folder.authority.unlink()
    if content is not None:
        folder.authority.write_bytes(content)
    before = contents(folder.root)

    with pytest.raises(ConfigError, match="and the sites know it: put it back") as told:
        _again(folder, tmp_path)

    assert contents(folder.root) == before
    assert str(told.value).endswith("No key was changed.")
    assert str(folder.bundles) in str(told.value)
    assert folder.bundle("hospital-a").authority.read_bytes() == kept


def test_certificate_of_another_authority_is_made_anew(folder, tmp_path):
    """As a power cut in the midst of `rotate --authority` leaves it."""
    pair = make_authority("ward-study", now=dt.datetime.now(dt.UTC))
    folder.authority_key.write_bytes(pair.key)
    folder.authority.write_bytes(pair.certificate)

    _again(folder, tmp_path)

    verify(folder)
    assert folder.authority.read_bytes() == pair.certificate


def test_changed_units_are_to_be_copied_again(folder, tmp_path):
    """systemd has copies of its own; what has not changed needs nothing."""
    text = "\n".join(_again(folder, tmp_path))
    assert "systemctl" not in text

    text = "\n".join(_again(folder, tmp_path, user="another"))

    assert "The units have changed:" in text
    assert "systemctl restart fedstill-superlink.service" in text
    assert "User=another" in (folder.units / "fedstill-superlink.service").read_text()


@pytest.mark.parametrize("at", range(NUMBER_OF_WRITES))
def test_any_write_can_fail_and_the_next_time_completes(tmp_path, monkeypatch, at):
    """A full disk at each file in turn: one line, and no key is half there."""
    federation = write_federation(tmp_path / "federation.toml")
    folder = DeploymentFolder(tmp_path / "deployment")
    with disk_that_is_full(monkeypatch, after=at):
        with pytest.raises(ConfigError, match="No space left on device"):
            init_deployment(federation, folder.root)
        assert not list(folder.root.rglob("*.partial"))
    had_units = any(folder.units.glob("*.service"))

    text = "\n".join(init_deployment(federation, folder.root))

    assert set(contents(folder.root)) == {*NAMES, *KEPT}
    verify(folder)
    for site in SITES:
        open_bundle(folder.bundle(site))
    # Whoever was shown no units yet has to enable them.
    assert ("Start the two services:" in text) is not had_units


def test_there_are_as_many_writes_as_were_tried(tmp_path, monkeypatch):
    """One more would pass untested."""
    federation = write_federation(tmp_path / "federation.toml")

    with disk_that_is_full(monkeypatch, after=NUMBER_OF_WRITES):
        init_deployment(federation, tmp_path / "deployment")
