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


ADDRESS = 'address = "fedstill.example:9090"'
HOST = "must be host:port, such as fedstill.example:9090"
NAME = "must be 1 to 63 small letters, digits and '-', such as"
HOSTS = "must be a DNS name or an IP address, without a port"
USER = "must be a name of a user of the system who is not root"
TEXTS = 'must be a list of texts such as ["a", "b"]'
BOTH = "['hospital-a', 'hospital-a']"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"ward-study"', '"Ward Study"', f'name = "Ward Study": {NAME} ward-7'),
        ('"ward-study"', '"-x"', f'name = "-x": {NAME} ward-7'),
        ('"ward-study"', '""', f'name = "": {NAME} ward-7'),
        ('"ward-study"', "3", "name = 3: must be a string"),
        (".example:9090", "", f'[server] address = "fedstill": {HOST}'),
        ("le:9090", "le:99999", f'[server] address = "fedstill.example:99999": {HOST}'),
        ("le:9090", "le:0", f'[server] address = "fedstill.example:0": {HOST}'),
        (
            "fedstill.example:9090",
            "x.example:443",
            (
                '[server] address = "x.example:443": has a port that only root may '
                "open, must be >= 1024"
            ),
        ),
        (
            "fedstill.example:9090",
            "10.0.0.300:9090",
            (
                '[server] address = "10.0.0.300:9090": "10.0.0.300" is neither a DNS '
                "name nor an IP address"
            ),
        ),
        (
            "fedstill.example:9090",
            "0.0.0.0:9090",
            (
                '[server] address = "0.0.0.0:9090": is every address of this '
                "machine, must be one for the sites"
            ),
        ),
        (
            '"hospital-b"',
            '"hospital-a"',
            f'[sites] names = {BOTH}: "hospital-a" must be there only once',
        ),
        (
            '"hospital-b"',
            '"../b", "B"',
            (
                "[sites] names = ['hospital-a', '../b', 'B']: \"../b\", \"B\" "
                f"{NAME} hospital-a"
            ),
        ),
        ('"hospital-b"', "3", f"[sites] names = ['hospital-a', 3]: {TEXTS}"),
        (
            '["hospital-a", "hospital-b"]',
            "[]",
            "[sites] names = []: must name at least one site",
        ),
        (
            '["hospital-a", "hospital-b"]',
            '"hospital-a"',
            f'[sites] names = "hospital-a": {TEXTS}',
        ),
        ("[sites]", 'user = "root"\n[sites]', f'[server] user = "root": {USER}'),
        ("[sites]", 'user = "a b"\n[sites]', f'[server] user = "a b": {USER}'),
        (
            "[sites]",
            'listen = "::"\n[sites]',
            (
                '[server] listen = "::": must be 0.0.0.0 or, for a try on one machine, '
                "127.0.0.1: this machine's own commands come by 127.0.0.1, the "
                "firewall does the rest"
            ),
        ),
        (
            "[sites]",
            'names = ["x:1", "x", "::"]\n[sites]',
            f"[server] names = ['x:1', 'x', '::']: \"x:1\", \"::\" {HOSTS}",
        ),
        (
            "[sites]",
            'adress = "x"\n[sites]',
            '[server] adress = "x": unknown key, did you mean address?',
        ),
        (
            "[sites]",
            "port = 3\n[sites]",
            (
                "[server] port = 3: unknown key, known here are address, listen, "
                "names, user"
            ),
        ),
        (ADDRESS, "", "[server] address: is missing and has no default"),
    ],
)
def test_faults_are_told_with_key_value_and_what_is_allowed(old, new, told):
    """One whole line; the nearest key where one is not known."""
    assert TEXT.count(old) == 1

    message = _refused(TEXT.replace(old, new))

    end = "" if told.endswith("?") else "."
    assert message == f"f.toml: {told}{end} Nothing was changed."


def test_section_with_a_typing_error_is_told_twice():
    """What is missing, and what was perhaps meant."""
    lines = _refused(TEXT.replace("[server]", "[sever]")).splitlines()

    assert lines[0] == "f.toml: server: is missing and has no default."
    assert lines[1].startswith("f.toml: sever = ")
    assert "unknown key, did you mean server?" in lines[1]


def test_what_is_no_toml_is_told_with_its_place():
    """Line and column."""
    message = _refused(TEXT.replace("[sites]", "[sites"))

    assert message.startswith("f.toml is not valid TOML: ")
    assert "line 5" in message


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, 'name = "\x00"', "= 1"])
def test_no_text_is_a_traceback(text):
    """However deep or broken."""
    _refused(text)


def test_all_problems_are_told_at_once():
    """Nobody has to run it three times."""
    lines = _refused(
        'name = "A"\nx = 1\n[server]\naddress = "x"\n[sites]\nnames = []\n'
    ).splitlines()

    assert len(lines) == 4
    for key in ("name = ", "x = ", "[server] address = ", "[sites] names = "):
        assert any(line.startswith(f"f.toml: {key}") for line in lines), key


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
