"""What a deployed round costs, split up, and what many SuperNodes cost on one machine.

::

    python -m tests.deployment.cost
    python -m tests.deployment.cost --sites 3 10 --mechanism dp-sgd
    python -m tests.deployment.cost --sites 30 --rounds 2

One run for each number of sites, beside the inline engine on the same config. Flower
starts a process for each message; from when it is first seen until it has gone, and
from when the custodian writes its line, follow the parts of a round. A site's own work
(digest, private steps, labels) is the inline engine's round divided by the sites. The
times are this machine's: a person reads them, and no test asserts one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from common.config import Config
from simulations.federation import run_federation
from tests.deployment.federation import Federation, federation
from tests.deployment.scenarios import Run
from tests.deployment.service import below, command_line

DEADLINE = 180.0
SEED = 5
STEP = 0.02


@dataclass(frozen=True, kw_only=True)
class Relay:
    """A process for one message; seconds since the epoch."""

    site: str
    began: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a number of sites costs.

    Attributes:
        sites: how many.
        up_seconds: from the first process to the last node online.
        first_seconds: from the command to the first round.
        rounds: seconds of each round.
        used: replies used in each round.
        inline: seconds of each round of the inline engine.
        parts: of a round, seconds, medians over messages.
        bytes_up: of a round, replies of all sites as we count.
        bytes_down: the same of requests.
        flower_bytes: (in, out) of the whole run, as Flower counts.
    """

    sites: int
    up_seconds: float
    first_seconds: float
    rounds: list[float]
    used: list[int]
    inline: list[float]
    parts: dict[str, float]
    bytes_up: int
    bytes_down: int
    flower_bytes: tuple[int, int]


def measure(mechanism: str, *, sites: int, rounds: int) -> Cost:
    """Returns what one run costs."""
    config = _config(mechanism, sites, rounds)
    with tempfile.TemporaryDirectory() as folder:
        run_federation(
            config.with_overrides({"output": f"{folder}/inline", "engine": "inline"})
        )
        inline = _lines(Path(folder) / "inline")
    started = time.monotonic()
    with federation(config, seed=SEED) as live:
        up = time.monotonic() - started
        with _watching(live) as relays:
            began = time.time()
            run = Run(live, config)
            # Hello and finish take a deadline too, if a site is missed.
            finished = run.end(within=(rounds + 3) * DEADLINE)
            assert finished.code == 0, finished
        lines = run.lines()
        told = live.status()["runs"][0]
        written = (run.folder / "environment.json").stat().st_mtime
        return Cost(
            sites=sites,
            up_seconds=up,
            first_seconds=written - began,
            rounds=[one["seconds"] for one in lines],
            used=[one["accepted"] for one in lines],
            inline=[one["seconds"] for one in inline],
            parts=_parts(live, relays, lines, inline),
            bytes_up=lines[-1]["bytes"]["up"],
            bytes_down=lines[-1]["bytes"]["down"],
            flower_bytes=(told["inbound"], told["outbound"]),
        )


def _config(mechanism: str, sites: int, rounds: int) -> Config:
    return Config.from_run_config(
        {
            "name": f"cost-{mechanism}-{sites}",
            "sites": sites,
            "seed": SEED,
            "models": f"mlp:{sites}",
            "rounds": rounds,
            "data.per-site": "30",
            "train.batch-size": 15,
            "round.deadline": DEADLINE,
            "baselines.enabled": False,
            "personal-student.enabled": False,
            "privacy.mechanism": mechanism,
            "engine": "flower",
        }
    )


def _lines(folder: Path) -> list[dict]:
    text = (folder / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@contextmanager
def _watching(live: Federation) -> Iterator[list[Relay]]:
    """Notes when each relay was first seen, and when it had gone."""
    found: list[Relay] = []
    ended = threading.Event()

    def watch() -> None:
        seen: dict[tuple[str, int], float] = {}
        while not ended.wait(STEP):
            now = time.time()
            there = {
                (site.name, pid)
                for site in live.sites
                for pid in below(site.node.pid())
                if "flwr-clientapp" in command_line(pid)
            }
            found.extend(
                Relay(site=gone[0], began=seen.pop(gone), ended=now)
                for gone in seen.keys() - there
            )
            for one in there:
                seen.setdefault(one, now)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _parts(
    live: Federation, relays: list[Relay], rounds: list[dict], inline: list[dict]
) -> dict[str, float]:
    """Returns what a round is made of, medians over the messages of all rounds."""
    until, after = [], []
    for site in live.sites:
        of_site = [one for one in relays if one.site == site.name]
        for line in site.requests():
            answered = datetime.fromisoformat(line["time"]).timestamp()
            for relay in of_site:
                if (
                    line["kind"] == "train.distill"
                    and relay.began < answered < relay.ended
                ):
                    until.append(answered - relay.began)
                    after.append(relay.ended - answered)
    whole = statistics.median(one["seconds"] for one in rounds)
    work = statistics.median(one["seconds"] for one in inline) / len(live.sites)
    process = statistics.median(until) + statistics.median(after)
    return {
        "waiting for Flower": whole - process,
        "relay until the answer": statistics.median(until),
        "of which a site's own work": work,
        "relay after the answer": statistics.median(after),
    }


def main() -> None:
    """Prints a table for each number of sites, as soon as it is known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, nargs="+", default=[3])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--mechanism", default="dp-head")
    arguments = parser.parse_args()
    for sites in arguments.sites:
        cost = measure(arguments.mechanism, sites=sites, rounds=arguments.rounds)
        Console(width=100).print(_table(arguments.mechanism, cost))


def _table(mechanism: str, cost: Cost) -> Table:
    table = Table("", "", title=f"{cost.sites} sites, {mechanism}, seconds and bytes")
    rows = {
        "until all nodes are online": f"{cost.up_seconds:.1f}",
        "until the ServerApp runs": f"{cost.first_seconds:.1f}",
        "round, median": f"{statistics.median(cost.rounds):.2f}",
        "round, slowest": f"{max(cost.rounds):.2f}",
        "replies used": " ".join(map(str, cost.used)),
        "inline round, median": f"{statistics.median(cost.inline):.3f}",
        **{part: f"{seconds:.2f}" for part, seconds in cost.parts.items()},
        "bytes up a round": f"{cost.bytes_up}",
        "bytes down a round": f"{cost.bytes_down}",
        "Flower's bytes in, run": f"{cost.flower_bytes[0]}",
        "Flower's bytes out, run": f"{cost.flower_bytes[1]}",
    }
    for name, cell in rows.items():
        table.add_row(name, cell)
    return table


if __name__ == "__main__":
    main()
