"""Findings, and the exit code that they come to."""

import pytest

from common.findings import Level, exit_code
from simulations.check.finding import Finding, Group


def _finding(level=Level.OK, text="Fine."):
    return Finding(group=Group.DATA, level=level, text=text)


@pytest.mark.parametrize("text", ["", "two\nlines"])
def test_a_finding_is_one_line(text):
    """What is read line by line cannot be cut in two."""
    with pytest.raises(ValueError, match="one line"):
        _finding(text=text)


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([], 0),
        ([Level.OK, Level.WARNING], 0),
        ([Level.OK, Level.ERROR, Level.WARNING], 2),
    ],
)
def test_only_an_error_fails_a_check(levels, code):
    """A warning is for a person to weigh."""
    assert exit_code([_finding(level) for level in levels]) == code
