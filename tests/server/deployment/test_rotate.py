"""`fedstill deploy rotate`: new keys in place of old ones, of which nothing is left."""

import pytest
from cryptography import x509

from client.node.bundle_folder import open_bundle
from common.deployment.layout import BundleFolder
from common.errors import ConfigError
from server.deployment.certificates import KeyPair, fingerprint, is_pair, names_in
from server.deployment.rotate import rotate_keys
from tests.server.deployment.deployments import (
    SITES,
    contents,
    make_deployment,
    write_federation,
)


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _verify(folder):
    server = x509.load_pem_x509_certificate(folder.certificate.read_bytes())
    issuer = x509.load_pem_x509_certificate(folder.authority.read_bytes())
    server.verify_directly_issued_by(issuer)
    assert is_pair(
        KeyPair(
            certificate=folder.certificate.read_bytes(), key=folder.key.read_bytes()
        )
    )


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
    _verify(folder)
    assert "systemctl restart fedstill-superlink.service" in lines[-1]


def test_old_ones_are_nowhere(folder):
    """Neither as a copy nor as a part of another file."""
    before = contents(folder.root)
    old = [before["server/server.key"], before["server/superexec.secret"].strip()]

    rotate_keys(folder.root, with_authority=False)

    for name, content in contents(folder.root).items():
        assert not any(one in content for one in old), name


def test_new_authority_is_in_every_bundle(folder):
    """And its fingerprint is shown."""
    before = fingerprint(folder.authority.read_bytes())

    lines = rotate_keys(folder.root, with_authority=True)

    after = fingerprint(folder.authority.read_bytes())
    assert after != before
    _verify(folder)
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


def test_folder_that_is_no_deployment(tmp_path):
    """The line names the command that makes one."""
    with pytest.raises(ConfigError, match="is no deployment: `fedstill deploy init`"):
        rotate_keys(tmp_path, with_authority=False)
