"""What goes wrong while a deployed run is under way, and how it is made to.

A scenario acts in the middle of round :data:`AT`, which lasts long enough, since every
custodian holds its answers back for :data:`HOLD` seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from common.config import Config
from tests.deployment.federation import ENDS_WITHIN, Federation, Finished
from tests.deployment.service import wait_until

AT = 2
ROUNDS = 4
HOLD = 4.0
DEADLINE = 60.0
SEED = 5
SITES = 3
SMALL_DISK = 32 * 2**20


class Run:
    """A deployed run that is under way.

    Args:
        live: the federation.
        config: of the run.
    """

    def __init__(self, live: Federation, config: Config) -> None:
        self.live = live
        self.config = config
        self.folder = live.folder.runs / config.name
        self.path = live.write_config(config)
        self.process: subprocess.Popen[str] = live.start_run(self.path)
        self._started = time.monotonic()

    def lines(self) -> list[dict]:
        """Returns the finished rounds."""
        path = self.folder / "metrics.jsonl"
        if not path.exists():
            return []
        return [
            json.loads(line)
            for line in path.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def wait_for_round(self, number: int) -> None:
        """Waits until a round has been asked and is being answered."""

        def is_under_way() -> bool:
            assert self.process.poll() is None, self.process.communicate()
            return len(self.lines()) >= number - 1

        wait_until(is_under_way, f"round {number}", seconds=ENDS_WITHIN)

    def wait_for_relay(self, site: int) -> int:
        """Returns the process of a site's relay, once there is one."""
        node = self.live.sites[site].node
        found: list[int] = []

        def is_there() -> bool:
            found[:] = node.children("flwr-clientapp")
            return bool(found)

        wait_until(is_there, "a relay", seconds=60, step=0.05)
        return found[0]

    def server_app(self) -> int:
        """Returns the process of the ServerApp."""
        return self.live.superexec.children("flwr-serverapp")[0]

    def resume(self) -> None:
        """Starts `fedstill run --resume`."""
        self.process = self.live.resume_run(self.folder)

    def end(self, within: float = ENDS_WITHIN) -> Finished:
        """Waits for the command's end, some seconds at most."""
        out, err = self.process.communicate(timeout=within)
        return Finished(
            code=self.process.returncode,
            out=out,
            err=err,
            seconds=time.monotonic() - self._started,
        )


def kill_custodian(run: Run) -> None:
    """The owner's process, while it answers."""
    run.wait_for_relay(0)
    time.sleep(2)
    run.live.sites[0].custodian.kill()


def kill_relay(run: Run) -> None:
    """Flower's process for one message."""
    pid = run.wait_for_relay(0)
    time.sleep(1)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def kill_supernode(run: Run) -> None:
    """All of a site's side of Flower."""
    run.wait_for_relay(0)
    run.live.sites[0].node.kill()


def kill_superexec(run: Run) -> None:
    """What started the ServerApp; the ServerApp goes with it."""
    run.wait_for_relay(0)
    run.live.superexec.kill()


def kill_server_app(run: Run) -> None:
    """The coordinator's own part."""
    run.wait_for_relay(0)
    os.kill(run.server_app(), signal.SIGKILL)


def kill_superlink(run: Run) -> None:
    """The hub that all messages go through."""
    run.wait_for_relay(0)
    run.live.superlink.kill()


def kill_command(run: Run) -> None:
    """`fedstill run` itself; it is told to go on."""
    run.wait_for_relay(0)
    run.process.kill()
    run.process.communicate()
    run.resume()


def cut_off_for_a_round(run: Run) -> None:
    """A site's cable is out until the round is over."""
    run.wait_for_relay(0)
    run.live.sites[0].machine.unplug()
    wait_until(lambda: len(run.lines()) >= AT, "the round's end", seconds=200)
    run.live.sites[0].machine.plug()


def cut_off_for_good(run: Run) -> None:
    """A site's cable is out until the run is over."""
    run.wait_for_relay(0)
    run.live.sites[0].machine.unplug()


def straggle(run: Run) -> None:
    """A custodian stands still until the round's deadline has passed."""
    run.wait_for_relay(0)
    pid = run.live.sites[0].custodian.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: len(run.lines()) >= AT, "the round's end", seconds=200)
    finally:
        os.kill(pid, signal.SIGCONT)


def join_late(run: Run) -> None:
    """A site whose node was away all the time comes."""
    run.live.sites[0].node.start()


def fill_disk(run: Run) -> None:
    """The disk of the run folder has no byte left; the owner makes room again."""
    run.wait_for_relay(0)
    runs = run.live.folder.runs
    # Never this machine's own disk.
    assert shutil.disk_usage(runs).total <= SMALL_DISK, runs
    filler = runs / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    first = run.end()
    assert first.code == 1, first
    assert "No space left" in first.err, first
    assert "Traceback" not in first.err, first
    filler.unlink()
    run.resume()


FAULTS: Mapping[str, Callable[[Run], None]] = {
    "custodian killed": kill_custodian,
    "relay killed": kill_relay,
    "SuperNode killed": kill_supernode,
    "SuperExec killed": kill_superexec,
    "ServerApp killed": kill_server_app,
    "SuperLink killed": kill_superlink,
    "`fedstill run` killed": kill_command,
    "site cut off for one round": cut_off_for_a_round,
    "site cut off for good": cut_off_for_good,
    "straggler": straggle,
    "joiner in mid-run": join_late,
    "server's disk full": fill_disk,
}
