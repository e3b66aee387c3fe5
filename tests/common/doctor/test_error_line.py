"""A finding is one line, whatever the error was."""

from common.doctor.error_line import one_line
from common.errors import ConfigError


def test_lines_are_joined():
    """Every problem of a config has a line of its own."""
    assert one_line(ConfigError("one thing.\nanother.")) == "one thing. another."
