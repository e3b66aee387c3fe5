"""Older copies of a ledger, and what a running process remembers of it."""

import sqlite3
import time
from pathlib import Path

import pytest

from common.errors import LedgerCorruptedError, LedgerRolledBackError
from common.privacy.ledger import Ledger
from tests.common.privacy.ledgers import (
    AFTER,
    commit,
    edit,
    fill,
    open_ledger,
    reserve,
    rows_of,
    settle,
)
from tests.rules import naming


def test_fewer_entries_than_this_process_has_seen_are_a_rollback(path: Path) -> None:
    """An older copy under a running custodian is noticed by itself."""
    ledger = open_ledger(path)
    ledger.entry_count()
    edit(path, "DELETE FROM ledger_entries WHERE entry_number > 3")

    with (
        naming("Rule 1: a ledger that was rolled back was believed."),
        pytest.raises(LedgerRolledBackError, match="had 5 entries and has 3"),
    ):
        ledger.committed_events()


def test_another_last_entry_is_a_rollback(path: Path, tmp_path: Path) -> None:
    """An older copy that went another way is as long and not the same."""
    ledger = open_ledger(path)
    ledger.entry_count()
    edit(path, "DELETE FROM ledger_entries WHERE entry_number > 4")
    reserve(open_ledger(path), range(3, 4))

    with (
        naming("Rule 1: a ledger that was rolled back was believed."),
        pytest.raises(LedgerRolledBackError, match="entry 5 is not the one it had"),
    ):
        ledger.committed_events()


def test_an_edit_of_the_last_entry_is_noticed_by_a_running_process(
    path: Path,
) -> None:
    """It is not taken for what was verified before."""
    ledger = open_ledger(path)
    ledger.entry_count()
    edit(path, "UPDATE ledger_entries SET content = '{}' WHERE entry_number = 5")

    with pytest.raises(LedgerCorruptedError, match="chain is broken at entry 5"):
        ledger.entry_count()


def test_entries_are_required_by_number(path: Path) -> None:
    """Somebody who saw more than are here knows of a rollback."""
    ledger = open_ledger(path)

    ledger.require_entries(5)

    with (
        naming("Rule 1: fewer entries than the server saw were accepted."),
        pytest.raises(LedgerRolledBackError) as caught,
    ):
        ledger.require_entries(6)
    assert str(caught.value) == (
        "The ledger of dataset id 'records' was rolled back: a request says that it "
        "had 6 entries and has "
        "5. It is an older copy, or another one. Put the newest one back; with what "
        "is here, nothing is spent or released."
    )


def test_a_settlement_that_is_lost_shows_in_the_count(tmp_path: Path) -> None:
    """Every kind of entry counts, not charges alone."""
    file = tmp_path / "ledger.sqlite"
    ledger = open_ledger(file)
    commit(ledger)
    reserve(ledger, range(1, 2))
    copy = file.read_bytes()
    settle(ledger)
    seen = ledger.entry_count()
    file.write_bytes(copy)

    with pytest.raises(LedgerRolledBackError):
        open_ledger(file).require_entries(seen)


def test_what_was_rolled_back_in_a_transaction_is_no_rollback_of_the_file(
    tmp_path: Path,
) -> None:
    """A reading inside a transaction is forgotten with it."""
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    commit(ledger)
    reserve(ledger, range(1, 2))

    def settle_and_fail() -> None:
        with ledger._tables.transaction():
            ledger.settle("run-a", 1, AFTER, "reply")
            assert ledger.entry_count() == 3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        settle_and_fail()

    assert ledger.entry_count() == 2
    settle(ledger)
    assert ledger.entry_count() == 3


def test_reading_costs_what_was_appended_since(path: Path) -> None:
    """Of what was verified, the last row alone is read again."""
    connection = sqlite3.connect(path, isolation_level=None)
    ledger = Ledger(connection, "records")
    ledger.entry_count()
    commit(open_ledger(path), "run-b")
    fetched: list[int] = []
    connection.row_factory = lambda _, row: fetched.append(row[0]) or row

    assert ledger.entry_count() == 6
    assert fetched == [5, 6]
    assert ledger.entry_count() == 6
    assert fetched == [5, 6, 6]


def test_another_process_is_seen_at_once(path: Path) -> None:
    """What is remembered is a beginning, never the whole."""
    ledger, other = open_ledger(path), open_ledger(path)
    ledger.entry_count()

    commit(other, "run-b")

    assert ledger.plan("run-b") == other.plan("run-b")


def test_clock_jumps_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger holds no time: with any clock, the same bytes."""
    dumps = []
    for name, now in (("now", None), ("past", 0.0), ("future", 1e11)):
        if now is not None:
            for clock in ("time", "monotonic"):
                monkeypatch.setattr(time, clock, lambda now=now: now)
        file = tmp_path / f"{name}.sqlite"
        fill(open_ledger(file))
        dumps.append(rows_of(file))

    assert dumps[0] == dumps[1] == dumps[2]
