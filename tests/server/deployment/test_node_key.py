"""What a coordinator accepts as a site's public key."""

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from common.errors import ConfigError
from server.deployment.node_key import read_node_key

SECRET = ec.generate_private_key(ec.SECP384R1())


def public(key, encoding=Encoding.OpenSSH, form=PublicFormat.OpenSSH):
    return key.public_key().public_bytes(encoding, form)


LINE = public(SECRET)


def refused(tmp_path, content):
    path = tmp_path / "node.pub"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_node_key(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert text.endswith("No site was admitted.")
    return text


def test_the_comment_is_left_out(tmp_path):
    """What is registered is the key alone."""
    path = tmp_path / "node.pub"
    path.write_bytes(b"\n" + LINE + b" root@ward \r\n")

    assert read_node_key(path).line == LINE.decode()


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not here")
def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path):
    """Both sides read it out to each other."""
    path = tmp_path / "node.pub"
    path.write_bytes(LINE + b"\n")

    done = subprocess.run(
        ["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True
    )

    assert read_node_key(path).fingerprint == done.stdout.split()[1]


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_a_private_key_is_refused_and_not_shown(tmp_path, form):
    """It has left its site and is worth nothing any more."""
    content = SECRET.private_bytes(Encoding.PEM, form, NoEncryption())

    text = refused(tmp_path, content)

    assert "is a private key" in text
    assert content.splitlines()[1].decode() not in text


def test_another_kind_of_key_is_named(tmp_path):
    """Flower takes ECDSA on the NIST curves only."""
    text = refused(tmp_path, public(ed25519.Ed25519PrivateKey.generate()))

    assert "Ed25519PublicKey), must be ECDSA P-384" in text


def test_another_curve_is_named(tmp_path):
    """One curve for all."""
    text = refused(tmp_path, public(ec.generate_private_key(ec.SECP256R1())))

    assert "(secp256r1), must be ECDSA P-384" in text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has 0 lines"),
        (LINE + b"\n" + LINE, "has 2 lines"),
        (b"ecdsa-sha2-nistp384 AAAA", "is no public key in OpenSSH's format"),
        (LINE[:-8], "is no public key in OpenSSH's format"),
        (b"\xff\xfe\x00", "is no public key in OpenSSH's format"),
        (LINE + b" " + b"x" * 5000, "has over 4096 bytes"),
    ],
)
def test_what_is_no_key_is_refused(tmp_path, content, told):
    """Empty, two at once, cut off, another file, too long."""
    assert told in refused(tmp_path, content)


def test_a_pem_file_is_refused(tmp_path):
    """The same key in another format."""
    pem = public(SECRET, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    assert "lines, must have one" in refused(tmp_path, pem)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """In the user's words."""
    with pytest.raises(ConfigError, match=r"node\.pub: No such file"):
        read_node_key(tmp_path / "node.pub")
