"""The ledger's table: it takes the next entry, and nothing else."""

import math
import sqlite3
from pathlib import Path

import pytest

from common.errors import LedgerCorruptedError
from common.privacy.events import Mechanism
from tests.common.privacy.ledgers import (
    commit,
    edit,
    open_ledger,
    rows_of,
)
from tests.rules import naming


def test_an_auditor_reads_contents_with_sqlites_own_functions(path: Path) -> None:
    """Contents are JSON objects with one field a fact."""
    query = (
        "SELECT json_extract(content, '$.round_number', '$.steps') FROM ledger_entries "
        "WHERE kind = 'reservation' ORDER BY entry_number"
    )
    with sqlite3.connect(path) as connection:
        assert connection.execute(query).fetchall() == [("[1,2]",), ("[2,2]",)]


def test_an_infinite_epsilon_comes_back(tmp_path: Path) -> None:
    """JSON has no infinity; a run without privacy is on record all the same."""
    file = tmp_path / "plain.sqlite"
    _, commitment = commit(
        open_ledger(file), mechanism=Mechanism.NONE, epsilon=math.inf
    )

    committed = open_ledger(file).plan("run-a")

    assert commitment.epsilon == math.inf
    assert committed is not None
    assert committed.commitment == commitment


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET kind = 'plan' WHERE entry_number = 3",
        "UPDATE ledger_entries SET sha256 = 'f' WHERE entry_number = 3",
        "UPDATE ledger_entries SET dataset_id = 'others' WHERE entry_number = 3",
        "UPDATE ledger_entries SET entry_number = 9 WHERE entry_number = 3",
        "DELETE FROM ledger_entries WHERE entry_number = 3",
        "DELETE FROM ledger_entries WHERE entry_number = 1",
        (
            "INSERT OR REPLACE INTO ledger_entries SELECT * FROM ledger_entries "
            "WHERE entry_number = 2"
        ),
    ],
)
def test_the_table_takes_the_next_entry_and_nothing_else(
    statement: str, path: Path
) -> None:
    """Triggers stop every statement but an append."""
    before = rows_of(path)

    with (
        sqlite3.connect(path) as connection,
        naming("Rule 1: the ledger was changed."),
        pytest.raises(sqlite3.IntegrityError, match="the ledger"),
    ):
        connection.execute(statement)

    assert rows_of(path) == before


@pytest.mark.parametrize("verb", ["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"])
@pytest.mark.parametrize("number", [0, 1, 3, 5, 7, -1, "NULL", "'six'"])
def test_no_form_of_insert_gets_round_the_numbers(
    verb: str, number: object, path: Path
) -> None:
    """Neither over an entry nor beyond the next one."""
    before = rows_of(path)
    values = f"('records', {number}, 'close', '{{}}', '{'0' * 64}')"

    with (
        sqlite3.connect(path) as connection,
        naming("Rule 1: the ledger was changed."),
        pytest.raises(sqlite3.IntegrityError),
    ):
        connection.execute(f"{verb} INTO ledger_entries VALUES {values}")

    assert rows_of(path) == before


def test_an_upsert_changes_nothing(path: Path) -> None:
    """ON CONFLICT DO UPDATE is an insert of a number that is taken."""
    with (
        sqlite3.connect(path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="next entry only"),
    ):
        connection.execute(
            "INSERT INTO ledger_entries VALUES ('records', 2, 'close', 'x', 'x') "
            "ON CONFLICT DO UPDATE SET content = excluded.content"
        )


def test_a_ledger_of_an_older_version_is_refused(tmp_path: Path) -> None:
    """Its charges would be forgotten, which is a new budget."""
    file = tmp_path / "ledger.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE ledger_plans (dataset_id TEXT)")

    with (
        naming("Rule 1: the charges of an older version were forgotten."),
        pytest.raises(LedgerCorruptedError, match="was made by an older version"),
    ):
        open_ledger(file)


@pytest.mark.parametrize(
    "statements",
    [
        (
            (
                "CREATE TRIGGER ledger_entries_are_not_changed BEFORE UPDATE ON "
                "ledger_entries BEGIN SELECT 1; END"
            ),
        ),
        (
            "DROP TABLE ledger_entries",
            (
                "CREATE TABLE ledger_entries (dataset_id TEXT, entry_number INTEGER, "
                "kind TEXT, content TEXT, sha256 TEXT)"
            ),
        ),
        (
            "DROP TABLE ledger_entries",
            "CREATE VIEW ledger_entries AS SELECT 1 AS dataset_id",
        ),
    ],
)
def test_a_table_or_trigger_that_says_something_else_is_refused(
    statements: tuple[str, ...], path: Path
) -> None:
    """A trigger of the right name with another body stops nobody."""
    edit(path, *statements)

    with pytest.raises(LedgerCorruptedError, match="was changed"):
        open_ledger(path)


def test_triggers_that_were_dropped_are_put_back(path: Path) -> None:
    """At the next opening; the chain speaks for the time between."""
    edit(path)

    open_ledger(path)

    with (
        sqlite3.connect(path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute("DELETE FROM ledger_entries")
