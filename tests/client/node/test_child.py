"""A child ends when it is asked to, and when it does not want to."""

import sys
import time

from client.node.child import Child
from tests.client.node.test_supernode import is_alive, wait_for

DEAF = """\
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
relay = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(relay.pid, flush=True)
time.sleep(60)
"""


def start(source, hear=lambda line: None):
    child = Child("test", [sys.executable, "-c", source], {}, hear=hear)
    child.follow()
    return child


def test_what_does_not_end_is_killed_with_its_own_children():
    """A relay that is left over would hold the custodian."""
    lines = []
    child = start(DEAF, lines.append)
    wait_for(lambda: lines)

    child.terminate()
    child.end_within(0.1)

    assert child.returncode == -9
    wait_for(lambda: not is_alive(int(lines[0])))


def test_what_ends_in_time_keeps_its_code():
    """It is waited for, not killed."""
    child = start("import time; time.sleep(0.2); raise SystemExit(5)")

    child.end_within(20.0)

    assert child.returncode == 5


def test_every_line_is_passed_on_and_heard(capfd):
    """Bytes that are no UTF-8 too."""
    lines = []
    child = start(
        "import sys; sys.stdout.buffer.write(b'one\\n\\xff\\n')", lines.append
    )

    child.end_within(20.0)

    assert lines == ["one", "\ufffd"]
    assert capfd.readouterr().err == "one\n\ufffd\n"


def test_output_of_weeks_does_not_stop_the_child():
    """More than a pipe holds."""
    started = time.monotonic()
    child = start("print(200_000 * 'a line of the log\\n')")

    child.end_within(20.0)

    assert child.returncode == 0
    assert time.monotonic() - started < 20
