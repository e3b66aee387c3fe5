"""The text of a unit says what it was told, and the command can be read back."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.deployment.systemd_unit import Unit, exec_start_of, hiding

UNIT = Unit(
    name="fedstill-x.service",
    description="A service",
    exec_start=("/opt/bin/fedstill", "site", "serve"),
    user="fedstill-x",
    restart_seconds=5,
)
PRINTABLE = st.characters(min_codepoint=32, exclude_categories=("C", "Z"))


def _with(**changes):
    return dataclasses.replace(UNIT, **changes)


@given(st.lists(st.text(PRINTABLE | st.just(" "), min_size=1), max_size=4))
def test_command_comes_back_word_by_word(words):
    """Whatever is in it: blanks, quotes, dollars, per cents, backslashes."""
    command = ("/opt/bin/fedstill", *words)

    assert exec_start_of(_with(exec_start=command).text()) == list(command)


def test_unit_never_gives_up():
    """What it waits for may take a day."""
    text = UNIT.text()

    assert "Restart=always" in text
    assert "RestartSec=5" in text
    assert "StartLimitIntervalSec=0" in text


def test_environment_is_quiet():
    """No telemetry, no update check, one thread."""
    text = UNIT.text()

    assert "Environment=FLWR_TELEMETRY_ENABLED=0" in text
    assert "Environment=FLWR_DISABLE_UPDATE_CHECK=1" in text
    assert "Environment=OMP_NUM_THREADS=1" in text


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "x"}, "must end in .service"),
        ({"name": "a b.service"}, "must end in .service"),
        ({"exec_start": ()}, "absolute path"),
        ({"exec_start": ("fedstill",)}, "absolute path"),
        ({"exec_start": ("/it's/x",)}, "a quote or a backslash"),
        ({"exec_start": ('/"x"/x',)}, "a quote or a backslash"),
        ({"exec_start": ("/a\\b/x",)}, "a quote or a backslash"),
        ({"exec_start": ("/x", "a\nExecStart=/bin/sh")}, "line break"),
        ({"description": "a\nUser=root"}, "line break"),
        ({"user": "a b"}, "no name of a user"),
        ({"supplementary_groups": ("x\nUser=root",)}, "no name of a user"),
        ({"read_write_paths": ("x",)}, "absolute path"),
        ({"read_only_paths": ("/x\ny",)}, "line break"),
        ({"environment": (("A", "b\nc"),)}, "line break"),
        ({"options": ("A=b\nUser=root",)}, "line break"),
    ],
)
def test_what_no_unit_can_hold_is_refused(changes, fault):
    """A name with a line break must not become a line of its own."""
    with pytest.raises(ValueError, match=fault):
        _with(**changes)


def test_text_without_a_command_starts_nothing():
    """It is not guessed."""
    with pytest.raises(ValueError, match="no ExecStart= line"):
        exec_start_of("[Unit]\n")


def test_homes_are_hidden_where_nothing_is_needed_there(monkeypatch):
    """And shown where the installation lies there."""
    monkeypatch.setattr("sys.prefix", "/opt/x")
    monkeypatch.setattr("sys.base_prefix", "/usr")

    assert hiding([]) == ("ProtectHome=yes", "PrivateTmp=yes")
    monkeypatch.setattr("sys.prefix", "/home/me/venv")
    assert hiding([]) == ("PrivateTmp=yes",)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("plain-1.0_x:/=@,+", "plain-1.0_x:/=@,+"),
        ("a b", '"a b"'),
        ("", '""'),
        (";", '";"'),
        ("$HOME", '"$$HOME"'),
        ("100%n", '"100%%n"'),
        ('say "x"', r'"say \"x\""'),
        ("it's", '"it\'s"'),
        ("a\\x41", r'"a\\x41"'),
    ],
)
def test_words_are_written_as_systemd_reads_them(word, line):
    """As systemd 252 itself has shown: no variable, no specifier, no escape is left."""
    text = _with(exec_start=("/bin/x", word)).text()

    assert f"ExecStart=/bin/x {line}\n" in text
    assert exec_start_of(text) == ["/bin/x", word]


def test_dollar_in_the_commands_own_path_stays_one():
    """systemd puts no variable in there, and two would be another path."""
    text = _with(exec_start=("/opt/$x/y 100%", "$x")).text()

    assert 'ExecStart="/opt/$x/y 100%%" "$$x"' in text
    assert exec_start_of(text) == ["/opt/$x/y 100%", "$x"]


def test_description_and_paths_hold_no_specifier():
    """`%h` would be root's home."""
    text = _with(description="of %h", read_write_paths=("/a b/%h", "/c")).text()

    assert "Description=of %%h\n" in text
    assert 'ReadWritePaths="/a b/%%h" /c\n' in text


def test_temporary_files_are_the_units_own_unless_something_needed_is_there(
    monkeypatch,
):
    """A private /tmp would hide the deployment that lies there."""
    monkeypatch.setattr("sys.prefix", "/opt/x")
    monkeypatch.setattr("sys.base_prefix", "/usr")

    assert hiding([Path("/tmp/deployment")]) == (
        "ProtectHome=yes",
        "ReadWritePaths=/tmp /var/tmp",
    )
    assert hiding([Path("/tmpfs")]) == ("ProtectHome=yes", "PrivateTmp=yes")
