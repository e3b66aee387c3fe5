"""A custodian killed while it writes its ledger loses nothing that it acknowledged.

The child is a fork, so that a kill costs milliseconds and not an import; SIGKILL is as
final to it as to any process. It charges and settles rounds on a ``FULL`` store, and
writes each entry's number and hash into a pipe once the call has returned: what a
custodian would answer. The parent kills it at a random moment and reads the file with
SQLite alone, beside what the ledger itself says.
"""

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from client.storage.store import Store
from client.storage.store_lock import store_lock
from common.privacy.commitment import Commitment
from common.privacy.ledger import Ledger
from tests.common.privacy.builders import DELTA, plan
from tests.common.privacy.ledgers import AFTER, BEFORE, DATASET, REPLY

KILLS = 100  # of one ledger
LEDGERS = 10
MOST_SEEN = 5  # acknowledgements for which a parent waits before it kills
PLAN = plan(rounds=1_000_000, noise_multiplier=100.0)
COMMITMENT = Commitment(
    noise_multiplier=100.0, rounds=PLAN.rounds, epsilon=1.0, delta=DELTA
)

pytestmark = pytest.mark.fault


def _work(path: Path, pipe: int) -> None:
    """Charges and settles rounds without end, beginning with the last one."""

    def acknowledge(ledger: Ledger) -> None:
        head = ledger.head()
        os.write(pipe, f"{head.entries} {head.sha256}\n".encode())

    with store_lock(path), closing(Store(path)) as store:
        ledger = store.ledger(DATASET)
        committed = ledger.commit_plan(PLAN, COMMITMENT)
        acknowledge(ledger)
        number = max(1, len(ledger.events()))
        while True:
            ledger.reserve(PLAN.run_id, number, committed.event, BEFORE)
            acknowledge(ledger)
            with store.transaction():
                ledger.settle(PLAN.run_id, number, AFTER, f"{REPLY}{number}")
            acknowledge(ledger)
            number += 1


def _live_and_be_killed(
    path: Path, generator: random.Random, pace: float
) -> tuple[list[tuple[int, str]], float]:
    """Returns what a child acknowledged before it was killed, and seconds for each.

    The parent waits for some acknowledgements and then for a moment more, so that the
    kill may meet any statement however slow the machine is.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read_end)
            _work(path, write_end)
        finally:  # whatever happened, a fork must not go on with pytest's work
            os._exit(1)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        started = time.monotonic()
        lines = [pipe.readline() for _ in range(generator.randint(0, MOST_SEEN))]
        pace = (time.monotonic() - started) / len(lines) if lines else pace
        time.sleep(generator.uniform(0, 2 * pace))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        lines += pipe.readlines()
    assert os.WIFSIGNALED(status), "the child failed by itself"
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(int(number), sha256) for number, sha256 in whole], pace


def _on_disk(path: Path) -> tuple[dict[int, str], Counter]:
    """Returns hash by entry number, and how often each event is there."""
    query = (
        "SELECT entry_number, sha256, kind, json_extract(content, '$.run_id'), "
        "json_extract(content, '$.round_number') FROM ledger_entries"
    )
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(query).fetchall()
    return {row[0]: row[1] for row in rows}, Counter(row[2:] for row in rows)


@pytest.mark.parametrize(
    "seed",
    [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, LEDGERS))],
)
def test_no_acknowledged_entry_is_lost_and_none_is_there_twice(
    seed: int, tmp_path: Path
) -> None:
    """Whatever it was doing; the chain verifies after every kill."""
    path = tmp_path / "ledger.sqlite"
    generator = random.Random(seed)
    acknowledged: dict[int, str] = {}
    interrupted, pace = 0, 0.01

    for _ in range(KILLS):
        lines, pace = _live_and_be_killed(path, generator, pace)
        for number, sha256 in lines:
            assert acknowledged.setdefault(number, sha256) == sha256
        if not path.exists():
            continue
        journal = path.with_name(f"{path.name}-journal")
        interrupted += journal.exists() and journal.stat().st_size > 0

        with closing(Store(path)) as store:
            entries = store.ledger(DATASET).entries()
        hashes, events = _on_disk(path)
        lost = acknowledged.items() - hashes.items()
        assert not lost, f"Rule 1: {len(lost)} acknowledged entries are lost."
        assert set(events.values()) <= {1}, "Rule 1: an entry is there twice."
        assert hashes == {entry.number: entry.sha256 for entry in entries}

    assert len(acknowledged) > KILLS / 4
    assert interrupted > 0, "no kill met a transaction"
