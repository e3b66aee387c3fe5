"""`fedstill deploy init`: all of it, for those alone who should have it."""

import os
import re
import stat
import sys

import pytest

import fedstill
from client.node.bundle_folder import open_bundle
from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder, DeploymentFolder
from common.deployment.spoken import spoken
from server.deployment import init
from server.deployment.certificates import fingerprint
from server.deployment.init import init_deployment
from tests.server.deployment.deployments import (
    SITES,
    contents,
    make_deployment,
    write_federation,
)

SECRETS = ("ca/ca.key", "server/server.key", "server/superexec.secret")

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _run(monkeypatch, capsys, *arguments):
    """Runs the command; returns exit code, output and errors."""
    words = ["fedstill", "deploy", "init", *map(str, arguments)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as caught:
        fedstill.main()
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err


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
    """To be read out on the telephone: the certificate's, and the bundle's."""
    federation = write_federation(tmp_path / "f.toml")
    lines = init_deployment(federation, tmp_path / "out")
    folder = DeploymentFolder(tmp_path / "out")
    (shown,) = [line for line in lines if re.fullmatch(r"  ([0-9a-f]{4} ?){16}", line)]

    assert shown == f"  {spoken(fingerprint(folder.authority.read_bytes()))}"
    for site in SITES:
        bundle = SiteBundle.read(folder.bundle(site).bundle)
        assert spoken(bundle.authority) == shown.strip()


def test_command_tells_what_was_made_and_what_comes_next(tmp_path, monkeypatch, capsys):
    """In the order in which it is to be done; the folders named are there."""
    federation = write_federation(tmp_path / "f.toml", user="fedstill-nobody-x")
    out = tmp_path / "out"

    code, output, errors = _run(monkeypatch, capsys, federation, "--output", out)

    assert (code, errors) == (0, "")
    marks = [
        *(f"Wrote {out}.", "useradd", "deploy init", "systemctl daemon-reload"),
        *("systemctl enable --now", f"Next: {out}/README.md"),
    ]
    found = [output.index(mark) for mark in marks]
    assert found == sorted(found)
    assert (out / "README.md").is_file()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name = 3", "f.toml: name = 3: must be a string"),
        ("", "f.toml: server: is missing and has no default"),
    ],
)
def test_faulty_file_is_exit_code_2_and_writes_nothing(
    tmp_path, monkeypatch, capsys, text, fault
):
    """One line a problem, on standard error."""
    (tmp_path / "f.toml").write_text(text)

    code, output, errors = _run(
        monkeypatch, capsys, tmp_path / "f.toml", "--output", tmp_path / "out"
    )

    assert (code, output) == (2, "")
    assert fault in errors
    assert not (tmp_path / "out").exists()


def test_taken_folder_is_exit_code_2(tmp_path, monkeypatch, capsys):
    """And stays as it is."""
    (tmp_path / "thesis.txt").write_text("x")
    federation = write_federation(tmp_path / "f.toml")
    before = contents(tmp_path)

    code, _, errors = _run(monkeypatch, capsys, federation, "--output", tmp_path)

    assert code == 2
    assert errors.endswith("with --output. Nothing was written.\n")
    assert contents(tmp_path) == before


def test_default_folder_has_the_federations_name(tmp_path, monkeypatch):
    """In the current one."""
    monkeypatch.chdir(tmp_path)

    init_deployment(write_federation(tmp_path / "f.toml"), None)

    assert (tmp_path / "ward-study" / "federation.toml").exists()


def test_user_that_is_not_there_yet_is_named_with_the_commands(tmp_path):
    """Units of nobody would not start."""
    federation = write_federation(tmp_path / "f.toml", user="fedstill-nobody-x")

    text = "\n".join(init_deployment(federation, tmp_path / "out"))

    assert "useradd --system --user-group fedstill-nobody-x" in text
    assert "sudo" in text


def test_program_that_the_services_cannot_reach_is_named(tmp_path, monkeypatch):
    """As in a home that others cannot enter: systemd would only say 203/EXEC."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(init, "own_command", lambda: home / "bin" / "fedstill")
    monkeypatch.setattr(
        init, "closed_folder_above", lambda path: home if home in path.parents else None
    )
    federation = write_federation(tmp_path / "f.toml", user="fedstill-nobody-x")

    lines = init_deployment(federation, tmp_path / "out")

    (note,) = [line for line in lines if line.startswith("Note:")]
    assert str(home) in note
    assert "install Fedstill and its Python elsewhere" in note
    assert "--output" not in note


def test_open_folders_need_no_note(tmp_path, monkeypatch):
    """Where everybody can enter."""
    monkeypatch.setattr(init, "closed_folder_above", lambda _: None)
    federation = write_federation(tmp_path / "f.toml", user="fedstill-nobody-x")

    lines = init_deployment(federation, tmp_path / "out")

    assert not any(line.startswith("Note:") for line in lines)
