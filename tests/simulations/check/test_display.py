"""Findings on the terminal."""

import io

from rich.console import Console

from common.findings import Level
from simulations.check.display import last_line, print_findings
from simulations.check.finding import Finding, Group

LONG = "word " * 60 + "end."
FINDINGS = [
    Finding(group=Group.CONFIG, level=Level.OK, text="Fine."),
    Finding(group=Group.DATA, level=Level.WARNING, text=LONG),
    Finding(group=Group.DATA, level=Level.ERROR, text="[data] path = 3: bad."),
]


def _printed(*, is_terminal):
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=60, no_color=True)
    assert print_findings(console, iter(FINDINGS)) == FINDINGS
    return file.getvalue().splitlines()


def test_a_finding_is_one_line_under_its_group():
    """In a pipe, however long; square brackets stay what they are."""
    assert _printed(is_terminal=False) == [
        "Config",
        "  ok       Fine.",
        "Data",
        f"  warning  {LONG}",
        "  error    [data] path = 3: bad.",
    ]


def test_a_terminal_gets_lines_that_fit():
    """Broken between words, and indented."""
    lines = _printed(is_terminal=True)

    assert all(len(line) <= 60 + len("\x1b[1m\x1b[0m") * 2 for line in lines)
    assert any(line.startswith(" " * 11 + "word") for line in lines)


def test_the_last_line_says_what_to_do_next():
    """Mend the errors, or run it."""
    assert last_line(FINDINGS, ["fedstill"]).startswith(
        "1 error, 1 warning. Next: mend"
    )
    assert last_line(FINDINGS[:2], ["fedstill", "simulate", "my own.toml"]) == (
        "0 errors, 1 warning. Next: fedstill simulate 'my own.toml'"
    )
