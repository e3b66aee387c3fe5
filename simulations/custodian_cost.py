"""What a custodian costs a site, in seconds a round, beside the round itself.

::

    python -m simulations.custodian_cost
    python -m simulations.custodian_cost --rounds 3 --commits 100 --folder /var/tmp

Flower starts a process for every message. With a custodian it is a relay: it loads
neither torch nor data, and passes one request over a socket. Without one it would load
torch and open the site from its folder each time. All ways answer the same rounds, side
by side. The times are this machine's; a person reads them, and no test asserts one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from client.storage.store import Durability
from common.config import Config, load_config
from simulations.custodian_ways import (
    SITE,
    THREADS,
    WAYS,
    Answer,
    commit_seconds,
    dialogue,
    prepare_site,
)
from simulations.locate import find_config

MECHANISMS = ("dp-sgd", "dp-head")
_MILLISECONDS = 1e3
_PERCENTILE = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianCost:
    """Times of one mechanism on this machine.

    Attributes:
        mechanism: of the private rounds.
        rounds: seconds of each warm round, by the way in which it was answered; the
            open site itself is among them.
        commits: seconds of each reservation in a ledger, by durability.

    Raises:
        ValueError: a way without a time, or the open site is missing.
    """

    mechanism: str
    rounds: dict[str, tuple[float, ...]]
    commits: dict[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        times = (*self.rounds.values(), *self.commits.values())
        if SITE not in self.rounds or not all(times):
            raise ValueError("Expected times of the open site, and some of each way.")

    def round_rows(self) -> list[tuple[str, str, str, str]]:
        """Returns (way, seconds, seconds above the open site, ratio to it)."""
        medians = {way: statistics.median(one) for way, one in self.rounds.items()}
        site = medians[SITE]
        return [
            (way, f"{one:.3f}", f"{one - site:+.3f}", f"{one / site:.2f}")
            for way, one in medians.items()
        ]

    def commit_rows(self) -> list[tuple[str, str, str]]:
        """Returns (durability, median, 95th percentile), in milliseconds."""
        return [
            (
                name,
                f"{_MILLISECONDS * statistics.median(one):.2f}",
                f"{_MILLISECONDS * np.percentile(one, _PERCENTILE):.2f}",
            )
            for name, one in self.commits.items()
        ]


def measure(
    config: Config, folder: Path, *, rounds: int, commits: int
) -> CustodianCost:
    """Returns the times of all ways, which answer each round one after the other.

    Args:
        config: an experiment, of whose sites the first one is measured.
        folder: on the disk that is measured; everything is written there.
        rounds: warm rounds, after one that is not counted.
        commits: reservations in a ledger of each durability.
    """
    asked = config.with_overrides({"rounds": rounds + 1})
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with ExitStack() as opened:
        answers: dict[str, Answer] = {}
        for number, (way, open_way) in enumerate(WAYS.items()):
            policy = prepare_site(asked, folder / str(number))
            answers[way] = opened.enter_context(open_way(policy))
        for request in dialogue(asked):
            for way, answer in answers.items():
                start = time.perf_counter()
                answer(request)
                seconds[way].append(time.perf_counter() - start)
    return CustodianCost(
        mechanism=config.privacy.mechanism,
        rounds={way: tuple(one[1:]) for way, one in seconds.items()},
        commits={
            durability.name: commit_seconds(
                config, folder / f"{durability.name}.sqlite", durability, commits
            )
            for durability in (Durability.FULL, Durability.OFF)
        },
    )


def tables(cost: CustodianCost) -> tuple[Table, Table]:
    """Returns the times as two tables: rounds, and commits of the ledger."""
    num_rounds, num_commits = (
        len(cost.rounds[SITE]),
        len(next(iter(cost.commits.values()))),
    )
    rounds = Table(title=f"{cost.mechanism}: a round, median of {num_rounds}")
    for header in ("way", "seconds", "above the site", "ratio"):
        rounds.add_column(header, justify="left" if header == "way" else "right")
    for row in cost.round_rows():
        rounds.add_row(*row)
    commits = Table(title=f"A reservation in the ledger, {num_commits} of them")
    for header in ("durability", "median ms", f"p{_PERCENTILE} ms"):
        commits.add_column(header, justify="right")
    for commit_row in cost.commit_rows():
        commits.add_row(*commit_row)
    return rounds, commits


def main() -> None:
    """Measures both mechanisms and prints the tables."""
    arguments = _arguments()
    console = Console()
    console.print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        + " ".join(f"{name}={value}" for name, value in THREADS.items())
    )
    config = load_config(find_config(arguments.config))
    for mechanism in MECHANISMS:
        asked = config.with_overrides({"privacy.mechanism": mechanism})
        with tempfile.TemporaryDirectory(
            prefix="custodian-cost-", dir=arguments.folder
        ) as folder:
            cost = measure(
                asked,
                Path(folder).resolve(),
                rounds=arguments.rounds,
                commits=arguments.commits,
            )
        console.print(*tables(cost))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulations.custodian_cost", description=__doc__
    )
    parser.add_argument("config", nargs="?", default="digits-demo")
    parser.add_argument("--rounds", type=int, default=7, help="warm rounds")
    parser.add_argument("--commits", type=int, default=300, help="ledger commits")
    parser.add_argument("--folder", help="on the disk to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
