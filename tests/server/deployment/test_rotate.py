"""`fedstill deploy rotate`: new keys in place of old ones, of which nothing is left."""

import datetime as dt
import stat
import sys

import pytest

import fedstill
from client.node.bundle_folder import open_bundle
from common.deployment.layout import BundleFolder
from common.errors import ConfigError
from server.deployment.certificates import end_of, fingerprint, names_in
from server.deployment.init import init_deployment
from server.deployment.rotate import rotate_keys
from tests.server.deployment.deployments import (
    SITES,
    contents,
    disk_that_is_full,
    make_deployment,
    verify,
    write_federation,
)

# Server key, certificate and secret, and five files a site; with the authority's two.
WRITES = {False: 3 + 5 * len(SITES), True: 5 + 5 * len(SITES)}

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _run(monkeypatch, capsys, *arguments):
    """Runs the command; returns exit code, output and errors."""
    words = ["fedstill", "deploy", "rotate", *map(str, arguments)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as caught:
        fedstill.main()
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err


def test_server_pair_and_secret_are_new_and_the_rest_stays(folder):
    """Sites need nothing."""
    before = contents(folder.root)

    lines = rotate_keys(folder.root, with_authority=False)

    after = contents(folder.root)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {
        "server/server.crt",
        "server/server.key",
        "server/superexec.secret",
    }
    verify(folder)
    assert "systemctl restart fedstill-superlink.service" in lines[-1]
    end = end_of(folder.certificate.read_bytes())
    assert any(f"good until {end:%Y-%m-%d}" in line for line in lines)
    assert end > dt.datetime.now(dt.UTC) + dt.timedelta(days=800)


def test_bundles_are_as_good_as_before(folder):
    """The certificate is new, the authority that signed it is not."""
    before = folder.authority.read_bytes()

    rotate_keys(folder.root, with_authority=False)

    for site in SITES:
        open_bundle(folder.bundle(site))
        assert folder.bundle(site).authority.read_bytes() == before


@pytest.mark.parametrize("with_authority", [False, True])
def test_new_secrets_are_their_owners_alone(folder, with_authority):
    """As `init` leaves them."""
    rotate_keys(folder.root, with_authority=with_authority)

    for path in (folder.key, folder.superexec_secret, folder.authority_key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert len(folder.superexec_secret.read_text()) == 64


def test_old_ones_are_nowhere(folder):
    """Neither as a copy nor as a part of another file."""
    before = contents(folder.root)
    secrets = ("server/server.key", "server/superexec.secret", "ca/ca.key")
    old = [before[name].strip() for name in secrets]

    rotate_keys(folder.root, with_authority=True)

    assert contents(folder.root).keys() == before.keys()
    for name, content in contents(folder.root).items():
        assert not any(one in content for one in old), name


def test_new_authority_is_in_every_bundle(folder):
    """And its fingerprint is shown."""
    before = fingerprint(folder.authority.read_bytes())

    lines = rotate_keys(folder.root, with_authority=True)

    after = fingerprint(folder.authority.read_bytes())
    assert after != before
    verify(folder)
    for site in SITES:
        bundle = open_bundle(BundleFolder(folder.bundle(site).root))
        assert bundle.authority == after
    assert any(after == line.replace(" ", "") for line in lines)
    assert any("hospital-a, hospital-b" in line for line in lines)


def test_new_names_get_into_the_certificate(folder):
    """This is what a changed address needs."""
    write_federation(folder.federation, address="new.example:9090")

    rotate_keys(folder.root, with_authority=False)

    assert "new.example" in names_in(folder.certificate.read_bytes())


def test_bundles_that_have_changed_are_named(folder):
    """The file was changed and `init` not run: a later `init` would see no change."""
    assert "Bundles to send" not in "\n".join(
        rotate_keys(folder.root, with_authority=False)
    )
    write_federation(folder.federation, address="new.example:9090")

    lines = rotate_keys(folder.root, with_authority=False)

    expected = f"Bundles to send: hospital-a, hospital-b (in {folder.bundles})."
    assert expected in lines


@pytest.mark.parametrize(
    ("with_authority", "at"),
    [(kind, at) for kind, number in WRITES.items() for at in range(number)],
)
def test_any_write_can_fail_and_init_completes(
    folder, tmp_path, monkeypatch, with_authority, at
):
    """A power cut amid it leaves no server that the sites refuse."""
    with (
        disk_that_is_full(monkeypatch, after=at),
        pytest.raises(ConfigError, match="No space left on device"),
    ):
        rotate_keys(folder.root, with_authority=with_authority)

    init_deployment(tmp_path / "federation.toml", folder.root)

    verify(folder)
    for site in SITES:
        bundle = open_bundle(folder.bundle(site))
        assert bundle.authority == fingerprint(folder.authority.read_bytes())


def test_authoritys_key_that_fits_no_more_is_told_with_the_remedy(folder, monkeypatch):
    """Its certificate was not written: the server goes on with the old ones."""
    with (
        disk_that_is_full(monkeypatch, after=1),
        pytest.raises(ConfigError, match="No space left on device"),
    ):
        rotate_keys(folder.root, with_authority=True)
    verify(folder)
    with pytest.raises(ConfigError, match="fedstill deploy rotate --authority"):
        rotate_keys(folder.root, with_authority=False)

    rotate_keys(folder.root, with_authority=True)

    verify(folder)


@pytest.mark.parametrize("with_authority", [False, True])
def test_there_are_as_many_writes_as_were_tried(folder, monkeypatch, with_authority):
    """One more would pass untested."""
    with disk_that_is_full(monkeypatch, after=WRITES[with_authority]):
        rotate_keys(folder.root, with_authority=with_authority)


def test_key_in_a_safe_is_asked_for(folder):
    """Nothing changes before it is back."""
    folder.authority_key.unlink()
    before = contents(folder.root)

    with pytest.raises(ConfigError, match="is not there, and signs the server's"):
        rotate_keys(folder.root, with_authority=False)

    assert contents(folder.root) == before


def test_wrong_key_is_told(folder, tmp_path):
    """As of another federation."""
    (tmp_path / "other").mkdir()
    other = make_deployment(tmp_path / "other")
    folder.authority_key.write_bytes(other.authority_key.read_bytes())

    with pytest.raises(ConfigError, match="is not the key of"):
        rotate_keys(folder.root, with_authority=False)


@pytest.mark.parametrize("with_file", [False, True])
def test_folder_that_is_no_deployment(tmp_path, with_file):
    """Also the one with the coordinator's own federation.toml, where one starts."""
    if with_file:
        write_federation(tmp_path / "federation.toml")
    tmp_path.chmod(0o755)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ConfigError, match="is no deployment: `fedstill deploy init`"):
        rotate_keys(tmp_path, with_authority=False)

    assert sorted(tmp_path.rglob("*")) == before
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_command_is_for_the_folder_that_it_is_told(folder, monkeypatch, capsys):
    """With the current one, if it is told none."""
    before = folder.superexec_secret.read_text()
    told = _run(monkeypatch, capsys, "--deployment", folder.root)
    assert (told[0], told[2]) == (0, "")
    between = folder.superexec_secret.read_text()
    monkeypatch.chdir(folder.root)

    code, output, _ = _run(monkeypatch, capsys, "--authority")

    assert code == 0
    assert len({before, between, folder.superexec_secret.read_text()}) == 3
    assert output.startswith("Made a new authority")


def test_command_elsewhere_is_exit_code_2(tmp_path, monkeypatch, capsys):
    """In one line."""
    code, output, errors = _run(monkeypatch, capsys, "--deployment", tmp_path)

    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
