"""`node.toml` is the site's word to its node, and holds nothing else."""

import tomllib

import pytest

from client.connection import AUTHORITY_KEY, CERTIFICATE_KEY, CUSTODIAN_KEY
from client.node.node_config import NodeConfig, node_config_text
from common.errors import ConfigError

SOCKET = "unix:/run/fedstill/socket/site.sock"


def read(folder, text):
    path = folder / "node.toml"
    path.write_text(text)
    return NodeConfig.read(path)


def test_new_file_says_where_the_custodian_is(tmp_path):
    """And nothing else is set."""
    config = read(tmp_path, node_config_text(SOCKET))

    assert config == NodeConfig(custodian=SOCKET)


def test_new_file_without_a_custodian_can_be_read(tmp_path):
    """It is filled in later."""
    assert read(tmp_path, node_config_text("")) == NodeConfig()


def test_flower_reads_what_was_meant(tmp_path):
    """A TOML line each, no escapes: `=`, spaces and backslashes stay what they are."""
    socket = "unix:/run/a b=c\\d/site.sock"

    words = NodeConfig(custodian=socket, runtime_port=9094).for_flower()

    assert words == f"custodian='{socket}'"
    assert tomllib.loads(words) == {"custodian": socket}


def test_flower_is_told_of_mutual_tls():
    """All four keys, as the relay looks them up."""
    config = NodeConfig(
        custodian="site.example:9443",
        custodian_certificate="/etc/relay.pem",
        custodian_key="/etc/relay.key",
        custodian_ca="/etc/ca.pem",
    )

    told = tomllib.loads(config.for_flower().replace(" ", "\n"))

    assert told[CUSTODIAN_KEY] == "site.example:9443"
    assert told[CERTIFICATE_KEY] == "/etc/relay.pem"
    assert told[AUTHORITY_KEY] == "/etc/ca.pem"
    assert len(told) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("custodian = 7", "custodian = 7: must be a text"),
        ('custodian = "run/site.sock"', "neither a socket nor an address"),
        ('custodian = "unix:site.sock"', "not an absolute path"),
        ('custodian = "site.example:9443"', "TCP without mutual TLS is never used"),
        ('custodian = "unix:/a\'b"', "must be a text without quotes"),
        ('custodian = "unix:/a\\nb"', "must be a text without quotes"),
        ('custodain = "unix:/a"', "'custodain' is no key of it, allowed are custodian"),
        ("runtime-port = 70000", "runtime-port = 70000: must be a whole number from 1"),
        ("runtime-port = true", "runtime-port = True: must be a whole number"),
        ("runtime-port", "Expected '=' after a key"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text, words, tmp_path):
    """The file, the key, what is allowed, and what happens now."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)

    message = str(caught.value)
    assert words in message
    assert message.startswith(f"{tmp_path / 'node.toml'}: ")
    assert message.endswith("The node does not start.")
    assert len(message.splitlines()) == 1
