"""docs/deploy.md, command by command, as somebody who has only that page.

Everything runs as one user in one empty folder, as the page says for a try. The port on
the page is replaced by one that is free.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import tomli_w

from tests.deployment.federation import BIN, free_port
from tests.deployment.service import wait_until
from tests.test_docs import DEPLOY_PAGE, Block, blocks_of

pytestmark = pytest.mark.deploy

PORT = "9090"
WITHIN = 120
CHANCE = 0.1
# What a service says once it is ready for the next command.
READY = {
    "superlink": "Uvicorn running on",
    "superexec": "Starting Flower SuperExec",
    "serve": " listens at ",
    "node": "SuperNode ID",
}


class Reader:
    """Somebody who types what is on the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds: list[tuple[str, float]] = []
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: list[Path] = []

    def starts(self, line: str) -> None:
        """Starts a service in a terminal of its own, and waits until it is ready.

        One that runs already is ended first.
        """
        if line in self._services:
            self._end([self._services.pop(line)])
        words = shlex.split(line)
        log = self.folder / f"service-{len(self._logs)}.log"
        self._logs.append(log)
        with log.open("wb") as file:
            process = subprocess.Popen(
                self._command(words),
                cwd=self.folder,
                env=self._environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._services[line] = process
        ready = READY[words[2]]

        def is_ready() -> bool:
            text = log.read_text(errors="replace")
            assert process.poll() is None, text
            return ready in text

        wait_until(is_ready, f"`{line}`", seconds=WITHIN)

    def types(self, line: str) -> str:
        """Types a command and returns what it printed; it has to succeed."""
        began = time.monotonic()
        done = subprocess.run(
            self._command(shlex.split(line)),
            cwd=self.folder,
            env=self._environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        self.seconds.append((line, time.monotonic() - began))
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}{self.logs()}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def edits(self, policy: str, text: str) -> None:
        """Sets the keys of ``text`` in a policy file, and leaves the others."""
        path = self.folder / policy
        content = tomllib.loads(path.read_text())
        for section, keys in tomllib.loads(text).items():
            content[section].update(keys)
        path.write_text(tomli_w.dumps(content))

    def logs(self) -> str:
        return "\n".join(log.read_text()[-3000:] for log in self._logs)

    def ends(self) -> None:
        """Presses Ctrl-C everywhere, the last terminal first."""
        self._end([*reversed(self._services.values())])

    def _end(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()

    def _command(self, words: list[str]) -> list[str]:
        assert words[0] == "fedstill", f"mark what is not run: {words}"
        return [str(BIN / "fedstill"), *words[1:]]

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": f"{BIN}{os.pathsep}{os.defpath}",
            "LANG": "C.UTF-8",
        }


@pytest.fixture
def reader(tmp_path) -> Iterator[Reader]:
    """A reader in an empty folder; everything is stopped in the end."""
    made = Reader(tmp_path)
    try:
        yield made
    finally:
        made.ends()


def test_every_block_runs(reader):
    """From the first file to a revoked site, with a finished run in between."""
    port = str(free_port())
    printed: dict[str, str] = {}

    for block in blocks_of(DEPLOY_PAGE):
        if block.name != "not run":
            printed |= _follow(reader, block, block.code.replace(PORT, port))

    for run in ("ward-study-1", "ward-study-2"):
        folder = reader.folder / "ward-study" / "runs" / run
        for name in ("report.html", "model_card.md", "global_student.safetensors"):
            assert (folder / name).exists()
    # Nothing but the coordinator's own examples can have been measured on.
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["global_student"]["test_accuracy"] > CHANCE
    status = printed["fedstill deploy status --deployment ward-study"]
    assert status.count("online since") == 2
    for line, seconds in reader.seconds:
        print(f"{seconds:6.1f} s  {line}")  # noqa: T201  # `pytest -s` shows them


def _follow(reader: Reader, block: Block, code: str) -> dict[str, str]:
    """Does what a block says; returns what its commands printed."""
    if block.name == "file":
        (reader.folder / block.value).write_text(code)
    if block.name == "policy":
        for policy in block.value.split(", "):
            reader.edits(policy, code)
    if block.language == "toml":
        tomllib.loads(code)
    if block.language == "python":
        subprocess.run([sys.executable, "-c", code], cwd=reader.folder, check=True)
    lines = code.splitlines() if block.language == "bash" else []
    if block.name == "in the background":
        for line in lines:
            reader.starts(line)
        return {}
    return {line: reader.types(line) for line in lines}
