"""Points at which a test can kill the process."""

import signal
import subprocess
import sys

import pytest

from common import failpoints

PROGRAM = """
from common.failpoints import failpoint
for visit in range(1, 4):
    print(visit, flush=True)
    failpoint("site.after-send")
    failpoint("site.mid-step")
"""


def run(monkeypatch, armed):
    monkeypatch.setenv(failpoints.VARIABLE, armed)
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )


def test_kills_at_the_named_visit(monkeypatch):
    """The process dies by SIGKILL at the second visit of the named point."""
    result = run(monkeypatch, "site.after-send:2")

    assert result.returncode == -signal.SIGKILL
    assert result.stdout.split() == ["1", "2"]


def test_kills_at_the_first_visit_by_default(monkeypatch):
    """Without a number the first visit counts."""
    result = run(monkeypatch, "site.mid-step")

    assert result.returncode == -signal.SIGKILL
    assert result.stdout.split() == ["1"]


def test_another_point_is_passed(monkeypatch):
    """A point that is not named does nothing."""
    result = run(monkeypatch, "server.mid-aggregate")

    assert result.returncode == 0
    assert result.stdout.split() == ["1", "2", "3"]


def test_the_list_is_closed():
    """A point that no test could know of is refused."""
    with pytest.raises(ValueError, match="Expected failpoint name='elsewhere'"):
        failpoints.failpoint("elsewhere")
