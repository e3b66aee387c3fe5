"""Processes that run cells: they answer, die and end as they should."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulations.tradeoff.workers import Worker, WorkerDiedError, ready
from tests.simulations.tradeoff.stubs import echo

PARENT = """
import time
from simulations.tradeoff.workers import Worker
from tests.simulations.tradeoff.stubs import echo
if __name__ == "__main__":
    worker = Worker(echo)
    worker.send(b"who")
    print(worker.receive().split()[-1].decode(), flush=True)
    worker.send(b"sleep")
    time.sleep(600)
"""


@pytest.fixture
def worker():
    one = Worker(echo)
    yield one
    one.stop()


def test_answers_one_message_after_the_other_with_one_thread(worker):
    """The same process does, so that its data stay in memory."""
    answers = []
    for message in (b"a", b"a", b"threads"):
        worker.send(message)
        assert ready([worker]) == [worker]
        answers.append(worker.receive())

    assert answers[0] == answers[1]
    assert answers[2] == b"1"


def test_a_death_is_told_with_its_cause(worker):
    """It ends the cell, not the sweep."""
    worker.send(b"die")
    ready([worker])

    with pytest.raises(WorkerDiedError, match="ended by signal 9"):
        worker.receive()


def test_stopping_does_not_wait_for_the_cell(worker):
    """Ctrl-C is answered at once."""
    worker.send(b"sleep")
    start = time.monotonic()

    worker.stop()

    assert time.monotonic() - start < 10


def test_a_killed_parent_takes_its_worker_with_it(tmp_path):
    """`kill -9` leaves no process behind that goes on writing."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path.cwd()), "PATH": ""},
    )
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 20
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(child)


def _is_running(process):
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
