"""Custodians in processes of their own, with seeded randomness.

No installed custodian has such a way in. ``python -m tests.custodians POLICY --seed N``
serves as ``fedstill site serve`` does and says ``ready`` once it answers;
:func:`running_custodian` starts one and stops it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

ROOT = Path(__file__).resolve().parents[1]
READY = "ready\n"
SECONDS = 60  # after which a custodian that does not do what it must is a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Custodian:
    """A custodian that runs.

    Attributes:
        folder: of its policy, data and state.
        process: its process.
    """

    folder: Path
    process: subprocess.Popen[str]

    @property
    def node_config(self) -> dict[str, str]:
        """What the relay's node config says of it."""
        return {"custodian": f"unix:{socket_of(self.folder)}"}

    def log(self) -> str:
        """Returns what it wrote to its standard error output."""
        return log_of(self.folder).read_text()

    def requests(self) -> list[dict[str, Any]]:
        """Returns the lines of its request log."""
        lines = self.log().splitlines()
        return [json.loads(line) for line in lines if line.startswith('{"time"')]


def socket_of(folder: Path) -> Path:
    return folder / "run" / "site.sock"


def log_of(folder: Path) -> Path:
    return folder / "custodian.log"


def write_site(folder: Path, *, inputs, labels, **policy: Any) -> Path:
    """Writes a site's data and policy; returns the policy's path.

    Args:
        folder: of the site, made if it is not there.
        inputs: float32 [num_examples, ...].
        labels: int [num_examples].
        policy: keys of ``site.toml`` with underscores; sections are dictionaries.
    """
    folder.mkdir(exist_ok=True)
    np.savez(folder / "examples.npz", inputs=inputs, labels=labels)
    values: dict[str, Any] = {
        "data": {"loader": "npz", "path": "examples.npz"},
        "socket": {"path": str(socket_of(folder))},
    }
    for key, value in policy.items():
        name = key.replace("_", "-")
        is_section = isinstance(value, Mapping)
        values[name] = values.get(name, {}) | value if is_section else value
    path = folder / "site.toml"
    path.write_text(tomli_w.dumps(values))
    return path


@contextmanager
def running_custodian(
    policy: Path, *, seed: int, environment: Mapping[str, str] | None = None
) -> Iterator[Custodian]:
    """Yields a custodian that answers; in the end it is told to stop, if it lives.

    Args:
        policy: by :func:`write_site`.
        seed: of its noise and samples.
        environment: added to this process's own, for example a failpoint.
    """
    with running_custodians([policy], seed=seed, environment=environment) as (one,):
        yield one


@contextmanager
def running_custodians(
    policies: Sequence[Path],
    *,
    seed: int,
    environment: Mapping[str, str] | None = None,
) -> Iterator[list[Custodian]]:
    """Yields several custodians, which start at the same time."""
    added = {"OMP_NUM_THREADS": "1"} | dict(environment or {})
    with ExitStack() as stack:
        custodians = [
            stack.enter_context(_starting(policy, seed, added)) for policy in policies
        ]
        for one in custodians:
            if one.process.stdout.readline() != READY:
                raise AssertionError(one.log())
        yield custodians


@contextmanager
def _starting(
    policy: Path, seed: int, environment: Mapping[str, str]
) -> Iterator[Custodian]:
    folder = policy.parent
    with log_of(folder).open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.custodians", str(policy), f"--seed={seed}"],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        try:
            yield Custodian(folder=folder, process=process)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def main() -> None:
    """Serves until it is told to stop."""
    # Imported here: the test's side, which starts processes, needs none of it.
    from client.custodian.request_log import RequestLog  # noqa: PLC0415
    from client.custodian.server import serve  # noqa: PLC0415
    from client.owner.open_site import open_site  # noqa: PLC0415
    from client.owner.policy_endpoint import policy_endpoint  # noqa: PLC0415
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415
    from simulations.seeded_randomness import SeededRandomness  # noqa: PLC0415

    parser = argparse.ArgumentParser()
    parser.add_argument("policy", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    policy = load_policy_file(arguments.policy)
    randomness = SeededRandomness(run_seed=arguments.seed, site_name=policy.site_name)
    with (
        open_site(policy, randomness=randomness) as site,
        serve(
            site,
            policy_endpoint(policy),
            log=RequestLog(),
            site_name=policy.site_name,
            hold_seconds=policy.reply.at_deadline,
        ) as running,
    ):
        sys.stdout.write(READY)
        sys.stdout.flush()
        running.wait()


if __name__ == "__main__":
    main()
