"""`fedstill deploy init`: made once, completed ever after, and never half."""

import os
import shutil
import stat

import pytest

from client.node.bundle_folder import open_bundle
from common.deployment.layout import BundleFolder, DeploymentFolder
from common.deployment.spoken import spoken
from common.errors import ConfigError, OutputExistsError
from server.deployment import placing
from server.deployment.certificates import KeyPair, fingerprint, is_pair
from server.deployment.init import init_deployment
from tests.server.deployment.deployments import (
    SITES,
    contents,
    make_deployment,
    write_federation,
)

IS_ROOT = os.geteuid() == 0
SECRETS = ("ca/ca.key", "server/server.key", "server/superexec.secret")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _again(folder, tmp_path, **changes):
    federation = write_federation(tmp_path / "federation.toml", **changes)
    return init_deployment(federation, folder.root)


def test_all_that_a_federation_needs_is_there(folder):
    """Keys, units, compose, Flower's config, a README, a bundle a site."""
    names = set(contents(folder.root))

    assert names == {
        *("README.md", "compose.yaml", "federation.toml", "image/Dockerfile"),
        *("ca/ca.crt", "ca/ca.key", "server/server.crt", "server/server.key"),
        *("server/superexec.secret", "flower/config.toml"),
        *(f"systemd/fedstill-{name}.service" for name in ("superlink", "superexec")),
        *(
            f"sites/{site}/{name}"
            for site in SITES
            for name in (
                *("README.md", "bundle.toml", "ca.crt", "compose.yaml"),
                "image/Dockerfile",
            )
        ),
    }
    for path in (folder.database.parent, folder.runs):
        assert path.is_dir()


def test_secrets_are_their_owners_alone(folder):
    """Whatever the umask says, and the folder is closed."""
    for name in (*SECRETS, "flower/config.toml"):
        assert stat.S_IMODE((folder.root / name).stat().st_mode) == 0o600, name
    assert not folder.root.stat().st_mode & stat.S_IRWXO


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_umask_does_not_matter(tmp_path, mask):
    """Neither too open nor too closed."""
    old = os.umask(mask)
    try:
        folder = make_deployment(tmp_path)
    finally:
        os.umask(old)

    assert stat.S_IMODE(folder.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.authority.stat().st_mode) == 0o644
    assert stat.S_IMODE(folder.bundle("hospital-a").root.stat().st_mode) == 0o755


def test_no_secret_is_in_what_is_sent(folder):
    """Not even a part of one."""
    secrets = [(folder.root / name).read_bytes() for name in SECRETS]
    for name, content in contents(folder.bundles).items():
        assert b"PRIVATE" not in content, f"Rule 9: a site is sent no key: {name}."
        for secret in secrets:
            assert secret.strip() not in content, name


def test_site_accepts_its_bundle(folder):
    """By the site's own code."""
    for site in SITES:
        bundle = open_bundle(BundleFolder(folder.bundle(site).root))

        assert (bundle.site_name, bundle.federation) == (site, "ward-study")
        assert bundle.address == "fedstill.example:9090"


def test_fingerprint_is_shown_as_the_site_will_see_it(tmp_path):
    """To be read out on the telephone."""
    federation = write_federation(tmp_path / "f.toml")
    lines = init_deployment(federation, tmp_path / "out")
    authority = DeploymentFolder(tmp_path / "out").authority.read_bytes()

    assert f"  {spoken(fingerprint(authority))}" in lines


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


@pytest.mark.parametrize(
    "name", ["README.md", "ca/ca.key", "server/server.key", "sites/hospital-a"]
)
def test_what_is_missing_is_made_again(folder, tmp_path, name):
    """One thing after the other, but for what cannot be."""
    path = folder.root / name
    (shutil.rmtree if path.is_dir() else os.unlink)(path)

    if name == "ca/ca.key":  # may lie in a safe
        _again(folder, tmp_path)
        assert not path.exists()
    else:
        _again(folder, tmp_path)
        assert path.exists()
    pair = KeyPair(
        certificate=folder.certificate.read_bytes(), key=folder.key.read_bytes()
    )
    assert is_pair(pair)


def test_authority_that_the_sites_know_is_not_made_anew(folder, tmp_path):
    """Nobody could connect any more: put it back."""
    folder.authority.unlink()
    before = contents(folder.root)

    with pytest.raises(ConfigError, match="is missing, and the sites know it"):
        _again(folder, tmp_path)

    assert contents(folder.root) == before


def test_any_write_can_fail_and_the_next_time_completes(tmp_path, monkeypatch):
    """A full disk at each file in turn: one line, and no key is half there."""
    real = placing.place
    places = []

    def counting(path, *rest, **more):
        places.append(path)
        return real(path, *rest, **more)

    for module in ("init", "key_files", "written_files"):
        monkeypatch.setattr(f"server.deployment.{module}.place", counting)
    make_deployment(tmp_path)
    number_of_writes = len(places)
    assert number_of_writes > 15

    for at in range(number_of_writes):
        root = tmp_path / f"{at}"
        root.mkdir()
        left = [at]

        def failing(path, *rest, left=left, **more):
            if left[0] == 0:
                raise OSError(28, "No space left on device", str(path))
            left[0] -= 1
            return real(path, *rest, **more)

        for module in ("init", "key_files", "written_files"):
            monkeypatch.setattr(f"server.deployment.{module}.place", failing)
        with pytest.raises(ConfigError, match="No space left on device"):
            make_deployment(root)
        for module in ("init", "key_files", "written_files"):
            monkeypatch.setattr(f"server.deployment.{module}.place", real)
        folder = DeploymentFolder(root / "deployment")
        init_deployment(root / "federation.toml", folder.root)
        for site in SITES:
            open_bundle(BundleFolder(folder.bundle(site).root))
        assert is_pair(
            KeyPair(
                certificate=folder.certificate.read_bytes(),
                key=folder.key.read_bytes(),
            )
        )


def test_another_federations_folder_is_left_alone(folder, tmp_path):
    """Exit code 2, and the names of both."""
    before = contents(folder.root)

    with pytest.raises(OutputExistsError, match="of the federation ward-study, not"):
        _again(folder, tmp_path, name="other")

    assert contents(folder.root) == before


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_something_else_is_left_alone(tmp_path, kind):
    """Nothing is written into it."""
    output = tmp_path / "out"
    if kind == "file":
        output.write_text("x")
    else:
        output.mkdir()
        (output / "thesis.txt").write_text("x")

    with pytest.raises(OutputExistsError, match="Nothing was written"):
        init_deployment(write_federation(tmp_path / "f.toml"), output)

    assert kind == "file" or [one.name for one in output.iterdir()] == ["thesis.txt"]


def test_default_folder_has_the_federations_name(tmp_path, monkeypatch):
    """In the current one."""
    monkeypatch.chdir(tmp_path)

    init_deployment(write_federation(tmp_path / "f.toml"), None)

    assert (tmp_path / "ward-study" / "federation.toml").exists()


@pytest.mark.skipif(not IS_ROOT, reason="giving files to others needs root")
def test_root_gives_the_services_what_they_need_and_keeps_the_authority(tmp_path):
    """The SuperLink's user cannot sign."""
    folder = make_deployment(tmp_path, user="daemon")

    assert folder.key.stat().st_uid == 1
    assert folder.superexec_secret.stat().st_uid == 1
    assert folder.runs.stat().st_uid == 1
    assert folder.authority_key.stat().st_uid == 0
    assert folder.root.stat().st_uid == 0
    assert folder.root.stat().st_gid == 1
    assert stat.S_IMODE(folder.root.stat().st_mode) == 0o750


def test_user_that_is_not_there_yet_is_named_with_the_commands(tmp_path):
    """Units of nobody would not start."""
    federation = write_federation(tmp_path / "f.toml", user="fedstill-nobody-x")

    text = "\n".join(init_deployment(federation, tmp_path / "out"))

    assert "useradd --system fedstill-nobody-x" in text
    assert "sudo" in text
