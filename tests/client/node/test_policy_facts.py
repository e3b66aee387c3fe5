"""What the node's set-up reads of a policy, whoever reads it."""

import pytest

from client.node.policy_facts import read_policy_facts
from common.errors import ConfigError
from tests.client.owner.support import write_policy


def test_socket_and_folders_are_absolute(tmp_path):
    """Relative paths start at the policy's folder, as for the custodian."""
    path = write_policy(tmp_path, **{"ledger.second-head": "other/head"})

    facts = read_policy_facts(path)

    assert facts.site_name == "site-00"
    assert facts.custodian == f"unix:{tmp_path / 'run' / 'site.sock'}"
    assert facts.private == (path, tmp_path / "examples.npz", tmp_path / "state")
    assert facts.written == (tmp_path, tmp_path / "other")


def test_policy_that_others_may_write_is_read(tmp_path):
    """Whether it may be believed is for `site check`; root reads it for its owner."""
    path = write_policy(tmp_path)
    path.chmod(0o666)

    assert read_policy_facts(path).is_there


def test_policy_that_is_not_there_yet(tmp_path):
    """A site may join before it has gone through its policy."""
    facts = read_policy_facts(tmp_path / "site.toml")

    assert not facts.is_there
    assert facts.custodian == ""
    assert facts.private == (tmp_path / "site.toml",)


def test_mutual_tls_is_for_the_owner_to_say(tmp_path):
    """The relay's own certificate is in no policy."""
    path = write_policy(
        tmp_path,
        **{"tls.address": "0.0.0.0:9443", "tls.key": "custodian.key"},
    )

    facts = read_policy_facts(path)

    assert (facts.custodian, facts.tls_address) == ("", "0.0.0.0:9443")
    assert tmp_path / "custodian.key" in facts.private


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("site-name", "is not valid TOML"),
        ("x = 1", "has no site-name"),
        ("site-name = 3", "site-name must be a text"),
        ('site-name = "a"\n[socket]\npath = 3', "[socket] path must be a text"),
        ('site-name = "a"\nsocket = 3', "[socket] path must be a text"),
        (
            f'site-name = "a"\n[socket]\npath = "/{120 * "a"}"',
            "longer than the system's",
        ),
    ],
)
def test_what_is_no_policy_is_refused_in_one_line(text, words, tmp_path):
    """The file, the key, and what happens now."""
    path = tmp_path / "site.toml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        read_policy_facts(path)

    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
