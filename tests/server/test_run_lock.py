"""One ServerApp a run folder, and a free folder once it is gone, however it went."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from common.run_folder import RunFolder
from server.run_lock import RunTakenError, is_worked_on, lock_path, only_server
from tests.server.fake_grid import FakeClock


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def test_a_folder_without_a_lock_is_free(folder):
    """Nobody has ever worked on it."""
    assert not is_worked_on(folder)
    assert not lock_path(folder).exists()


def test_a_second_one_waits_and_gives_up(folder):
    """After its patience, and not before."""
    clock = FakeClock()
    started = clock.now()

    with (
        only_server(folder),
        pytest.raises(RunTakenError, match="locked for 60 seconds"),
        only_server(folder, clock=clock.now, sleep=clock.sleep),
    ):
        pass

    assert clock.now() - started == pytest.approx(60, abs=1)


def test_a_second_one_goes_on_when_the_first_has_ended(folder):
    """It waits for the end."""
    first = only_server(folder)
    first.__enter__()
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        first.__exit__(None, None, None)

    with only_server(folder, sleep=sleep):
        assert is_worked_on(folder)

    assert len(naps) == 1


def test_a_killed_process_leaves_the_folder_free(folder):
    """The kernel lets the lock go."""
    script = textwrap.dedent(
        """
        import pathlib, sys, time
        from common.run_folder import RunFolder
        from server.run_lock import only_server
        with only_server(RunFolder(pathlib.Path(sys.argv[1]))):
            print("locked", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder.root)],
        stdout=subprocess.PIPE,
        cwd=Path.cwd(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        assert is_worked_on(folder)

        process.send_signal(signal.SIGKILL)
        process.wait()

    assert not is_worked_on(folder)
