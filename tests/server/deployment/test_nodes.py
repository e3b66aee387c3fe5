"""Sites are let in by their keys and shut out, whatever comes between."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common.errors import ConfigError
from server.deployment import nodes
from server.deployment.flower_answers import SuperLinkAwayError
from server.deployment.node_book import read_nodes
from server.deployment.node_key import read_node_key
from server.deployment.nodes import admit_site, revoke_site
from tests.server.deployment.fake_flower import make_folder
from tests.server.deployment.fake_superlink import FakeSuperLink

FEDERATION = """
name = "ward-study"
[server]
address = "fedstill.example:9090"
[sites]
names = ["hospital-a", "hospital-b"]
"""
A, B = "hospital-a", "hospital-b"


@pytest.fixture
def folder(tmp_path):
    made = make_folder(tmp_path / "ward")
    made.federation.write_text(FEDERATION)
    return made


@pytest.fixture
def superlink(monkeypatch):
    fake = FakeSuperLink()
    monkeypatch.setattr(nodes, "FlowerCli", fake)
    return fake


@pytest.fixture
def make_key(tmp_path):
    """Returns a function that makes a new public key's file."""
    number = iter(range(100))

    def make():
        key = ec.generate_private_key(ec.SECP384R1()).public_key()
        path = tmp_path / f"node-{next(number)}.pub"
        line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        path.write_bytes(line + b" somebody@somewhere\n")
        return path

    return make


def current(folder, site):
    keys = read_nodes(folder.nodes)[site].current
    return keys.fingerprint if keys else None


def print_of(path):
    return read_node_key(path).fingerprint


def line_of(path):
    return read_node_key(path).line


def test_a_site_is_admitted_by_its_key(folder, superlink, make_key):
    """The SuperLink gets the key, the book its fingerprint and Flower's number."""
    key = make_key()

    lines = admit_site(folder.root, A, key)

    assert superlink.live == {line_of(key)}
    entry = json.loads(folder.nodes.read_text())[A]
    assert entry["fingerprint"] == print_of(key)
    assert int(entry["node_id"]) == superlink.keys[line_of(key)]
    assert entry["revoked"] == []
    assert "intent" not in entry
    assert print_of(key) in lines[0]


def test_admitting_again_changes_nothing(folder, superlink, make_key):
    """And says so."""
    key = make_key()
    admit_site(folder.root, A, key)
    before = folder.nodes.read_text()

    lines = admit_site(folder.root, A, key)

    assert lines == [f"{A} is admitted by this key already, {print_of(key)}."]
    assert folder.nodes.read_text() == before
    assert superlink.calls.count("register") == 1


def test_an_unknown_site_is_refused_with_the_nearest_name(folder, superlink, make_key):
    """Before the SuperLink hears of it."""
    with pytest.raises(ConfigError, match=r"'hospital-c' is no site.*mean hospital-"):
        admit_site(folder.root, "hospital-c", make_key())

    assert superlink.calls == []


def test_another_sites_key_is_refused(folder, superlink, make_key):
    """Two sites under one key could answer for each other."""
    key = make_key()
    admit_site(folder.root, A, key)

    with pytest.raises(ConfigError, match="is hospital-a's, and every site has"):
        admit_site(folder.root, B, key)


def test_a_second_key_replaces_the_first(folder, superlink, make_key):
    """The old one is shut out after the new one was let in, and never comes back."""
    old, new = make_key(), make_key()
    admit_site(folder.root, A, old)

    lines = admit_site(folder.root, A, new)

    assert superlink.live == {line_of(new)}
    assert current(folder, A) == print_of(new)
    assert superlink.calls.index("unregister") > superlink.calls.index("register", 2)
    assert f"Shut out its earlier key {print_of(old)}, for good." in lines
    with pytest.raises(ConfigError, match="never accepted again"):
        admit_site(folder.root, A, old)


def test_a_revoked_site_is_shut_out_for_good(folder, superlink, make_key):
    """Its key is refused under every name; a new key lets it in again."""
    key, new = make_key(), make_key()
    admit_site(folder.root, A, key)

    lines = revoke_site(folder.root, A)

    assert superlink.live == set()
    assert print_of(key) in lines[0]
    for site in (A, B):
        with pytest.raises(ConfigError, match="was shut out and is never"):
            admit_site(folder.root, site, key)
    admit_site(folder.root, A, new)
    assert superlink.live == {line_of(new)}


def test_revoking_again_says_so(folder, superlink, make_key):
    """Nothing is left to do."""
    admit_site(folder.root, A, make_key())
    revoke_site(folder.root, A)

    assert revoke_site(folder.root, A) == [f"{A} is revoked already."]


@pytest.mark.parametrize(
    ("site", "told"), [(A, "was never admitted"), ("hopsital-a", "mean hospital-a")]
)
def test_revoking_a_site_without_a_key_is_refused(folder, superlink, site, told):
    """A misspelt name must not look like a success."""
    with pytest.raises(ConfigError, match=told):
        revoke_site(folder.root, site)


def test_a_site_that_left_the_federation_can_be_revoked(folder, superlink, make_key):
    """Its name is still in the book."""
    admit_site(folder.root, A, make_key())
    folder.federation.write_text(FEDERATION.replace('"hospital-a", ', ""))

    revoke_site(folder.root, A)

    assert superlink.live == set()


def test_a_superlink_that_is_away_changes_no_entry(folder, superlink, make_key):
    """An admitted site stays admitted when its revocation did not reach anybody."""
    key = make_key()
    admit_site(folder.root, A, key)
    superlink.is_away = True

    with pytest.raises(SuperLinkAwayError):
        revoke_site(folder.root, A)

    assert current(folder, A) == print_of(key)


def test_a_crash_after_registering_is_made_good(folder, superlink, make_key):
    """The same command again finds the node that the first had made."""
    key, other = make_key(), make_key()
    admit_site(folder.root, B, other)
    superlink.crash_after = "register"
    with pytest.raises(KeyboardInterrupt):
        admit_site(folder.root, A, key)

    admit_site(folder.root, A, key)

    found = read_nodes(folder.nodes)[A]
    assert found.current.node_id == superlink.keys[line_of(key)]
    assert found.intent is None


def test_nodes_of_other_sites_are_not_taken_for_the_lost_one(
    folder, superlink, make_key
):
    """Between the crash and the repetition another site was admitted."""
    key = make_key()
    superlink.crash_after = "register"
    with pytest.raises(KeyboardInterrupt):
        admit_site(folder.root, A, key)
    admit_site(folder.root, B, make_key())

    admit_site(folder.root, A, key)

    found = read_nodes(folder.nodes)[A]
    assert found.current.node_id == superlink.keys[line_of(key)]


def test_a_crash_in_a_change_of_keys_is_made_good(folder, superlink, make_key):
    """The old key is shut out by the same command again."""
    old, new = make_key(), make_key()
    admit_site(folder.root, A, old)
    superlink.unregister, unregister = interrupted, superlink.unregister
    with pytest.raises(KeyboardInterrupt):
        admit_site(folder.root, A, new)
    superlink.unregister = unregister

    admit_site(folder.root, A, new)

    assert superlink.live == {line_of(new)}


def interrupted(node_id):
    raise KeyboardInterrupt


def test_a_crash_in_a_revocation_is_made_good(folder, superlink, make_key):
    """The SuperLink had shut it out and the book did not know."""
    key = make_key()
    admit_site(folder.root, A, key)
    superlink.crash_after = "unregister"
    with pytest.raises(KeyboardInterrupt):
        revoke_site(folder.root, A)

    revoke_site(folder.root, A)

    assert current(folder, A) is None
    assert [one.fingerprint for one in read_nodes(folder.nodes)[A].revoked] == [
        print_of(key)
    ]


def test_a_lost_book_has_a_way_out(folder, superlink, make_key):
    """A key that is known without a name is not guessed to be anybody's."""
    key, new = make_key(), make_key()
    admit_site(folder.root, A, key)
    folder.nodes.unlink()

    with pytest.raises(ConfigError, match=r"does not say of which.*--new-key.*NUMBER"):
        admit_site(folder.root, A, key)

    assert current(folder, A) is None
    admit_site(folder.root, A, new)
    assert current(folder, A) == print_of(new)


def test_a_shut_out_key_is_not_anothers_after_a_loss(folder, superlink, make_key):
    """With one live node left, the revoked key of the other site is not given it."""
    live, revoked = make_key(), make_key()
    admit_site(folder.root, A, live)
    admit_site(folder.root, B, revoked)
    revoke_site(folder.root, B)
    folder.nodes.unlink()

    for _ in range(2):
        with pytest.raises(ConfigError, match="so hospital-b was not admitted"):
            admit_site(folder.root, B, revoked)

    assert current(folder, B) is None


def test_a_superlink_that_lost_its_state_takes_the_key_again(
    folder, superlink, make_key
):
    """The book alone does not let anybody in."""
    key = make_key()
    admit_site(folder.root, A, key)
    superlink.keys.clear()
    superlink.by_id.clear()

    admit_site(folder.root, A, key)

    assert superlink.live == {line_of(key)}


def test_a_broken_book_is_not_overwritten(folder, superlink, make_key):
    """It may be all that says who is who."""
    folder.nodes.write_text('{"hospital-a": ')

    with pytest.raises(ConfigError, match=r"nodes\.json: is not what"):
        admit_site(folder.root, A, make_key())

    assert folder.nodes.read_text() == '{"hospital-a": '
