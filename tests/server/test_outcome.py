"""How a deployed run stands is told whatever ends it, a full disk included."""

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from common.errors import QuorumMissedError, RefusedBySitesError
from common.run_folder import RunFolder
from server.outcome import RunState, read_outcome, telling_outcome

MOUNTS = pytest.mark.skipif(
    os.geteuid() != 0 or not sys.platform.startswith("linux"),
    reason="a small disk of one's own needs root",
)


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def _ending_by(folder, error):
    with pytest.raises(type(error)), telling_outcome(folder):
        raise error
    outcome = read_outcome(folder)
    assert outcome is not None
    return outcome


def test_running_while_it_runs(folder):
    """With the number of the process and the rounds that there are."""
    folder.metrics.write_text("{}\n{}\n")

    with telling_outcome(folder):
        outcome = read_outcome(folder)

    assert outcome is not None
    assert outcome.state is RunState.RUNNING
    assert outcome.exit_code is None
    assert (outcome.rounds, outcome.pid) == (2, os.getpid())


@pytest.mark.parametrize(
    ("error", "state", "exit_code", "text"),
    [
        (QuorumMissedError("Too\n few."), RunState.FAILED, 1, "Too few."),
        (RefusedBySitesError("No."), RunState.FAILED, 3, "No."),
        (
            OSError(errno.ENOSPC, "No space left on device", "/runs/x"),
            RunState.FAILED,
            1,
            "/runs/x: No space left on device.",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            RunState.FAILED,
            1,
            "{folder}: No space left on device.",
        ),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "gone"),
            RunState.INTERRUPTED,
            1,
            "The ServerApp ended by ConnectionRefusedError: [Errno 111] gone",
        ),
        (
            ConnectionError("gone"),
            RunState.INTERRUPTED,
            1,
            "The ServerApp ended by ConnectionError: gone",
        ),
        (
            KeyError("secret"),
            RunState.INTERRUPTED,
            1,
            "The ServerApp ended by KeyError: 'secret'",
        ),
        (
            SystemExit(),
            RunState.INTERRUPTED,
            1,
            "The ServerApp ended by SystemExit: no reason given",
        ),
    ],
)
def test_every_end_has_its_word(folder, error, state, exit_code, text):
    """Faults that another try may mend are told apart from those that stay."""
    outcome = _ending_by(folder, error)

    expected = (state, exit_code, text.format(folder=folder.root))
    assert (outcome.state, outcome.exit_code, outcome.error) == expected


def test_file_keeps_its_size(folder):
    """A long error is cut, so that overwriting never needs another block."""
    _ending_by(folder, QuorumMissedError("ß" * 10_000))

    assert folder.outcome.stat().st_size == 4096


@MOUNTS
def test_full_disk_does_not_keep_the_reason_back(tmp_path):
    """A real disk without a byte left: what ended the run is still written."""
    script = textwrap.dedent(
        """
        import pathlib, sys
        from common.run_folder import RunFolder
        from server.outcome import read_outcome, telling_outcome
        folder = RunFolder(pathlib.Path(sys.argv[1]))
        try:
            with telling_outcome(folder):
                with (folder.root / "filler").open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(4096))
        except OSError:
            pass
        try:
            (folder.root / "more").write_text("x")
        except OSError as error:
            print(error.strerror)
        print(read_outcome(folder))
        """
    )
    command = f'mount -t tmpfs -o size=64k tmpfs "{tmp_path}" && exec "$@"'
    done = subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c", command, "sh"),
            *(sys.executable, "-c", script, str(tmp_path)),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path.cwd(),
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no disk of one's own here: {done.stderr.strip()}")

    assert done.stdout.startswith("No space left on device\n"), done
    assert "FAILED" in done.stdout
    assert f"{tmp_path}: No space left on device." in done.stdout
