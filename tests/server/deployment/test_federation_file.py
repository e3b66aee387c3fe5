"""The federation's file: every problem in one line, with what is allowed."""

import re

import pytest

from common.errors import ConfigError
from server.deployment.federation_file import (
    is_host,
    load_federation_file,
    parse_federation,
)

TEXT = """
name = "ward-study"
[server]
address = "fedstill.example:9090"
[sites]
names = ["hospital-a", "hospital-b"]
"""


def _refused(text):
    with pytest.raises(ConfigError) as caught:
        parse_federation(text, source="f.toml")
    message = str(caught.value)
    assert message.endswith("Nothing was changed.")
    return message


def test_plain_file_is_read():
    """With what is not said at its default."""
    found = parse_federation(TEXT, source="f.toml")

    assert (found.name, found.sites.names) == (
        "ward-study",
        ("hospital-a", "hospital-b"),
    )
    assert (found.server.host, found.server.port) == ("fedstill.example", 9090)
    assert found.server.user == "fedstill-server"
    assert found.server.listen == "0.0.0.0"


def test_address_of_ipv6_has_brackets():
    """Which the host has not."""
    text = TEXT.replace("fedstill.example:9090", "[2001:db8::1]:9090")

    assert parse_federation(text, source="f.toml").server.host == "2001:db8::1"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("ward-study", "Ward Study", 'name = "Ward Study": must be 1 to 63 small'),
        ("fedstill.example:9090", "fedstill.example", "must be host:port"),
        ("fedstill.example:9090", "fedstill.example:99999", "must be host:port"),
        ("fedstill.example:9090", "fedstill.example:443", "must be >= 1024"),
        ("fedstill.example:9090", "10.0.0.300:9090", "neither a DNS name nor an IP"),
        ("fedstill.example:9090", "0.0.0.0:9090", "must be one for the sites"),
        ('"hospital-b"', '"hospital-a"', '"hospital-a" must be there only once'),
        ('"hospital-b"', '"Hospital B"', "must be 1 to 63 small letters"),
        ('"hospital-b"', "3", "must be a list of texts"),
        ('["hospital-a", "hospital-b"]', "[]", "must name at least one site"),
        ('["hospital-a", "hospital-b"]', '"hospital-a"', "must be a list of texts"),
        ("[sites]", 'user = "root"\n[sites]', "who is not root"),
        ("[sites]", 'user = "a b"\n[sites]', "must be a name of a user"),
        ("[sites]", 'listen = "::"\n[sites]', "must be 0.0.0.0 or"),
        ("[sites]", 'names = ["x:1"]\n[sites]', "without a port"),
        ("[sites]", 'adress = "x"\n[sites]', "address"),
        ("[server]", "[sever]", "server"),
        ("[sites]", "[sites", "is not valid TOML"),
    ],
)
def test_faults_are_told_with_key_value_and_what_is_allowed(old, new, fault):
    """One line each; the nearest key where one is not known."""
    assert TEXT.count(old) == 1

    assert fault in _refused(TEXT.replace(old, new))


def test_all_problems_are_told_at_once():
    """Nobody has to run it three times."""
    message = _refused('name = "A"\n[server]\naddress = "x"\n[sites]\nnames = []\n')

    assert len(message.splitlines()) == 3
    assert all(line.startswith("f.toml: ") for line in message.splitlines())


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b"\xff"), "is not UTF-8"),
    ],
)
def test_file_that_cannot_be_read(tmp_path, make, fault):
    """One line with its path."""
    path = tmp_path / "f.toml"
    make(path)

    with pytest.raises(ConfigError, match=re.escape(f"{path} {fault}")):
        load_federation_file(path)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("fedstill.example", True),
        ("localhost", True),
        ("10.1.2.3", True),
        ("2001:db8::1", True),
        ("fe80::1%eth0", False),
        ("10.1.2.300", False),
        ("-x.example", False),
        ("x_y.example", False),
        ("a" * 64 + ".example", False),
        ("", False),
    ],
)
def test_hosts(text, is_one):
    """DNS names and addresses; a mistyped address is neither."""
    assert is_host(text) is is_one
