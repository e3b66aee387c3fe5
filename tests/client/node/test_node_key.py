"""The node's key is one that Flower takes, and nobody else's."""

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from client.node.node_key import fingerprint, make_node_key, read_node_key
from common.errors import ConfigError
from tests.client.node.support import make_bundle, mode_of

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="OpenSSH is not on this machine"
)


@pytest.fixture
def folder(tmp_path):
    made = make_bundle(tmp_path / "hospital-a")
    make_node_key(made, comment="ward-study/hospital-a")
    return made


def ssh_keygen(*words):
    return subprocess.run(
        ["ssh-keygen", *map(str, words)], capture_output=True, text=True, check=True
    ).stdout.strip()


@needs_ssh_keygen
def test_ssh_keygen_says_the_same_fingerprint_of_both_halves(folder):
    """OpenSSH's own tool reads them: ECDSA of 384 bits, with the comment."""
    expected = fingerprint(read_node_key(folder))

    public = ssh_keygen("-l", "-f", folder.public_key)
    private = ssh_keygen("-l", "-f", folder.key)

    assert public == f"384 {expected} ward-study/hospital-a (ECDSA)"
    assert private.split()[:2] == ["384", expected]


@needs_ssh_keygen
def test_public_key_is_the_private_ones_own(folder):
    """ssh-keygen derives the same line from the private key."""
    line = folder.public_key.read_text()

    assert line.count("\n") == 1
    assert ssh_keygen("-y", "-f", folder.key).split()[:2] == line.split()[:2]


def test_private_key_is_for_its_owner_alone(folder):
    """0600, and no temporary file is left."""
    assert mode_of(folder.key) == 0o600
    assert {path.name for path in folder.root.iterdir()} == {
        "bundle.toml",
        "ca.crt",
        "node.key",
        "node.pub",
    }


def test_every_key_is_another_one(folder):
    """Made of the system's randomness."""
    first = fingerprint(read_node_key(folder))

    make_node_key(folder, comment="ward-study/hospital-a")

    assert fingerprint(read_node_key(folder)) != first


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_key_that_others_may_read_is_refused(mode, folder):
    """The mode is named, and what is allowed."""
    folder.key.chmod(mode)

    with pytest.raises(ConfigError, match=f"mode {mode:04o}.*must be 0600") as caught:
        read_node_key(folder)

    assert len(str(caught.value).splitlines()) == 1


def test_key_that_is_not_there_is_refused_with_the_command(folder):
    """`fedstill site join` makes one."""
    folder.key.unlink()

    with pytest.raises(ConfigError, match="is not there; make it with: fedstill site"):
        read_node_key(folder)


def _in_pem(key, form):
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        _in_pem(ec.generate_private_key(ec.SECP384R1()), PrivateFormat.PKCS8),
        _in_pem(ed25519.Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH),
    ],
    ids=["empty", "text", "pkcs8", "ed25519"],
)
def test_what_flower_does_not_take_is_refused(content, folder):
    """Without a word of what the file holds."""
    folder.key.write_bytes(content)

    with pytest.raises(ConfigError, match="is no ECDSA key in OpenSSH") as caught:
        read_node_key(folder)

    assert "BEGIN" not in str(caught.value)
