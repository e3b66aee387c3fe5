"""The chain: nothing is edited, removed, moved or forged without being noticed."""

import hashlib
import json
from pathlib import Path

import pytest

from common.errors import LedgerCorruptedError
from common.privacy.commitment import Commitment
from common.privacy.ledger_entries import GENESIS, LedgerHead
from tests.common.privacy.builders import DELTA, plan
from tests.common.privacy.ledgers import (
    BEFORE,
    edit,
    event_of,
    forge,
    open_ledger,
    rows_of,
)
from tests.rules import naming

_NOTHING = Commitment(noise_multiplier=0.0, rounds=0, epsilon=0.0, delta=DELTA)
_BROKEN = "Rule 1: an edited ledger was believed."


def test_every_event_is_one_chained_entry(path: Path) -> None:
    """Plan, charges, settlement and closing, numbered as they came."""
    ledger = open_ledger(path)

    entries = ledger.entries()

    kinds = ["plan", "reservation", "reservation", "settlement", "close"]
    assert [entry.kind for entry in entries] == kinds
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert ledger.entry_count() == 5
    assert ledger.head() == LedgerHead(entries=5, sha256=entries[-1].sha256)
    assert ledger.head_at(0) == LedgerHead()
    assert ledger.head_at(4) == LedgerHead(entries=4, sha256=entries[3].sha256)
    assert ledger.head_at(6) is None


def test_an_auditor_recomputes_the_chain_from_the_documented_rule(path: Path) -> None:
    """SHA-256 over the previous hash and the row as a compact JSON array."""
    previous = GENESIS
    for dataset_id, number, kind, content, sha256 in rows_of(path):
        row = json.dumps([dataset_id, number, kind, content], separators=(",", ":"))
        previous = hashlib.sha256((previous + row).encode()).hexdigest()
        assert previous == sha256


_EDITS = [
    (
        "UPDATE ledger_entries SET content = replace(content, ':2', ':1') "
        "WHERE entry_number = 2"
    ),
    "UPDATE ledger_entries SET content = content || ' ' WHERE entry_number = 1",
    "UPDATE ledger_entries SET kind = 'refund' WHERE entry_number = 2",
    "UPDATE ledger_entries SET sha256 = upper(sha256) WHERE entry_number = 2",
    "UPDATE ledger_entries SET entry_number = 9 WHERE entry_number = 5",
    "UPDATE ledger_entries SET content = x'00' WHERE entry_number = 5",
    "DELETE FROM ledger_entries WHERE entry_number = 1",
    "DELETE FROM ledger_entries WHERE entry_number = 3",
    (
        "INSERT INTO ledger_entries SELECT 'records', 6, kind, content, sha256 "
        "FROM ledger_entries WHERE entry_number = 5"
    ),
    (
        "INSERT INTO ledger_entries SELECT 'records', 0, kind, content, sha256 "
        "FROM ledger_entries WHERE entry_number = 5"
    ),
    "INSERT INTO ledger_entries VALUES ('records', 'x', 'close', '{}', '')",
]


@pytest.mark.parametrize("statement", _EDITS)
def test_an_edited_ledger_grants_nothing(statement: str, path: Path) -> None:
    """Not a round, not a plan, not a figure, not a count."""
    one = event_of(open_ledger(path))
    edit(path, statement)
    ledger = open_ledger(path)

    for attempt in (
        ledger.entry_count,
        ledger.entries,
        ledger.committed_events,
        lambda: ledger.spent(delta=DELTA),
        lambda: ledger.reserve("run-a", 3, one, BEFORE),
        lambda: ledger.commit_plan(plan(run_id="run-b"), _NOTHING),
    ):
        with (
            naming(_BROKEN),
            pytest.raises(LedgerCorruptedError, match="cannot be believed: "),
        ):
            attempt()


def test_entries_of_another_dataset_id_do_not_fit_in(path: Path) -> None:
    """Nor does a whole ledger under another name: the hash knows whose it is."""
    edit(path, "UPDATE ledger_entries SET dataset_id = 'others'")

    with (
        naming(_BROKEN),
        pytest.raises(LedgerCorruptedError, match="the chain is broken at entry 1"),
    ):
        open_ledger(path, "others").entry_count()


def _without(*numbers: int):
    return lambda rows: [
        row for number, row in enumerate(rows, start=1) if number not in numbers
    ]


def _with(number: int, **fields: object):
    def change(rows):
        kind, content = rows[number - 1]
        rows[number - 1] = (kind, content | fields)
        return rows

    return change


def _again(*numbers: int):
    return lambda rows: rows + [rows[number - 1] for number in numbers]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_without(1), "has no plan"),
        (_without(2), "was settled and never reserved"),
        (_again(1), "is committed twice"),
        (lambda rows: [*rows[:3], rows[1]], "is reserved twice"),
        (_again(4), "was settled twice"),
        (_again(5), "is closed twice"),
        (lambda rows: [rows[0], rows[4], rows[1]], "after the plan was closed"),
        (_with(2, noise_multiplier=99.0), "is not what the run committed to"),
        (_with(1, noise_multiplier=99.0), "is not what the run committed to"),
        (_with(1, mechanism="laplace"), "'laplace' is not a valid Mechanism"),
        (_with(1, rounds=1), "reserved 2 rounds of 1"),
        (_with(1, rounds="many"), "must be real number"),
        (_with(1, rounds=10.5), "not in canonical form"),
        (_with(1, epsilon=-1.0), "epsilon=-1.0"),
        (_with(1, delta=1), "delta=1"),
        (_with(2, round_number=0), "round_number=0"),
        (_with(2, steps=True), "not in canonical form"),
        (_with(2, adjacency="replace-one"), "is not what the run committed to"),
        (_with(2, unit="household"), "'household' is not a valid PrivacyUnit"),
        (_with(2, weights_sha256=""), "weights_sha256 not to be empty"),
        (_with(4, round_number=3), "was settled and never reserved"),
        (_with(5, comment="hello"), "not in canonical form"),
        (_with(5, run_id=""), "run_id not to be empty"),
        (lambda rows: [("close", {})], "a close without 'run_id'"),
    ],
)
def test_a_forged_ledger_that_contradicts_itself_is_refused(
    change, problem: str, path: Path
) -> None:
    """Its chain is whole, made anew; what it says is not possible."""
    forge(path, change)

    with naming(_BROKEN), pytest.raises(LedgerCorruptedError, match=problem):
        open_ledger(path).committed_events()


def test_a_forger_who_only_chains_anew_is_believed(path: Path) -> None:
    """What the tests above change is what they are refused for."""
    forge(path, lambda rows: rows)

    assert open_ledger(path).entry_count() == 5
