"""Runs single tests in changed copies of the project, one process a run.

Importing torch, Opacus and flwr takes seconds, so this program imports them once and
forks for each run; the fork then imports the project's own modules from the copy.

Protocol: a JSON line ``{"root": ..., "test": ...}`` in, a JSON line with the outcome
of every test back: ``[{"outcome", "phase", "error", "message"}]``.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

HEAVY = (
    "torch",
    "torch._dynamo",  # which the first optimizer would import
    "opacus",
    "opacus.validators",
    "flwr.serverapp",
    "flwr.clientapp",
    "hypothesis",
    "pydantic",
    "dp_accounting.pld",
    "sklearn.datasets",
    "flwr_datasets.partitioner",
    "scipy.stats",
)


class Recorder:
    """A pytest plugin that keeps how each test ended."""

    def __init__(self) -> None:
        self.results: list[dict[str, str]] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        report = yield
        if report.when == "call" or report.outcome != "passed":
            excinfo = call.excinfo
            self.results.append(
                {
                    "outcome": report.outcome,
                    "phase": report.when,
                    "error": excinfo.typename if excinfo else "",
                    "message": str(excinfo.value) if excinfo else "",
                }
            )
        return report


def _run_in_fork(root: str, test: str) -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as scratch:
        answer, log = Path(scratch) / "answer.json", Path(scratch) / "log"
        child = os.fork()
        if child == 0:
            _child(root, test, answer, log)
        os.waitpid(child, 0)
        if not answer.exists():
            return [
                {
                    "outcome": "crashed",
                    "phase": "",
                    "error": "",
                    "message": log.read_text()[-2000:],
                }
            ]
        results: list[dict[str, str]] = json.loads(answer.read_text())
        return results


def _child(root: str, test: str, answer: Path, log: Path) -> None:
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(root)
    sys.path.insert(0, root)
    recorder = Recorder()
    arguments = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(answer.parent / "files"),
        "--rootdir",
        root,
        "-c",
        f"{root}/pyproject.toml",
        test,
    ]
    pytest.main(arguments, plugins=[recorder])
    temporary = answer.with_suffix(".tmp")
    temporary.write_text(json.dumps(recorder.results))
    temporary.rename(answer)
    os._exit(0)


def _warm_up_pytest() -> None:
    """Loads pytest's own plugins, by a session without tests."""
    with (
        tempfile.TemporaryDirectory() as empty,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", empty, empty])


def main() -> None:
    """Answers requests until the input ends."""
    here = str(Path(__file__).resolve().parents[2])
    sys.path[:] = [
        entry for entry in sys.path if Path(entry or ".").resolve() != Path(here)
    ]
    for name in HEAVY:
        __import__(name)
    import torch  # noqa: PLC0415 - imported above; named here to set its threads

    torch.set_num_threads(1)
    _warm_up_pytest()
    gc.freeze()  # a fork need not look through what is loaded here
    for line in sys.stdin:
        request = json.loads(line)
        results = _run_in_fork(request["root"], request["test"])
        print(json.dumps(results), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
