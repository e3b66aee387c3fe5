"""The ledger's one SQLite table, and the triggers that let it only grow.

Triggers stop accidents and careless tools; whoever can write the file can drop them.
That is what the chain is for, and against an exchanged file the entry count that the
server brings back and the second head.
"""

from __future__ import annotations

import sqlite3

# WITHOUT ROWID: a row is found by its number alone, so that INSERT OR REPLACE cannot
# collide with, and delete, an old row by a rowid of its choice.
_TABLE = """ledger_entries (
    dataset_id TEXT NOT NULL,
    entry_number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (dataset_id, entry_number)
) WITHOUT ROWID"""
# A BEFORE trigger, since it runs before OR REPLACE removes what is in the way.
_APPEND = """ledger_entries_are_numbered BEFORE INSERT ON ledger_entries
WHEN NEW.entry_number IS NOT (
    SELECT coalesce(max(entry_number), 0) + 1 FROM ledger_entries
    WHERE dataset_id = NEW.dataset_id
)
BEGIN
    SELECT RAISE(ABORT, 'the ledger takes the next entry only');
END"""
_KEEP = """ledger_entries_are_not_changed BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: no entry is changed');
END"""
_STAY = """ledger_entries_are_not_deleted BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: no entry is deleted');
END"""
_OBJECTS = (
    ("TABLE", _TABLE),
    ("TRIGGER", _APPEND),
    ("TRIGGER", _KEEP),
    ("TRIGGER", _STAY),
)
_OLDER_TABLES = {
    "ledger_plans",
    "ledger_closed_plans",
    "ledger_reservations",
    "ledger_settlements",
}


def create(connection: sqlite3.Connection) -> None:
    """Creates what is missing, inside the caller's transaction where one is open."""
    # Not executescript, which would commit a transaction of the caller's.
    for kind, text in _OBJECTS:
        connection.execute(f"CREATE {kind} IF NOT EXISTS {text}")


def require_own_schema(connection: sqlite3.Connection) -> bool:
    """Returns whether the table is there.

    Raises:
        ValueError: tables of an older version, whose charges would be forgotten, or a
            table or trigger of ours that says something else.
    """
    rows = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()
    found = dict(rows)
    older = sorted(_OLDER_TABLES & set(found))
    if older:
        raise ValueError(
            f"it was made by an older version (table {older[0]}), whose charges this "
            "one would forget. Use that version, or take up another dataset id with "
            "what is left of the budget."
        )
    for kind, text in _OBJECTS:
        name = text.split(maxsplit=1)[0]
        if found.get(name, f"CREATE {kind} {text}") != f"CREATE {kind} {text}":
            raise ValueError(f"its {kind.lower()} {name} was changed.")
    return "ledger_entries" in found
