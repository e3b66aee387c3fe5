"""The text of a unit says what it was told, and the command can be read back."""

import dataclasses

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
