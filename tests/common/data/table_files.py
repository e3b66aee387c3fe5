"""Writes small tables for tests."""

import csv
import io

SCHEMA = """missing = "?"

[label]
column = "result"
classes = ["healthy", "ill"]
values = { severe = "ill" }

[columns]
age = { kind = "numeric", low = 18, high = 90 }
pressure = { kind = "numeric", low = 80, high = 200, missing = true }
ward = { kind = "categorical", categories = ["north", "south"], other = true }
"""
TABLE_HEADER = ["age", "pressure", "ward", "result"]
NUM_INPUTS = 1 + 2 + 3


def table_rows(count=60):
    """Rows as texts, no two alike."""
    return [
        [
            f"{18 + number % 70}",
            "?" if number % 7 == 0 else f"{80 + number}",
            ("north", "south")[number % 2],
            ("healthy", "ill", "severe")[number % 3],
        ]
        for number in range(count)
    ]


def csv_text(rows, *, header=TABLE_HEADER):
    """Returns rows as CSV, header first where there is one."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows] if header else rows)
    return buffer.getvalue()


def write_csv(path, rows, *, extra=""):
    """Writes a table with a header."""
    path.write_text(csv_text(rows) + extra)
    return path


def write_table(folder, *, name="patients.csv", count=60):
    """Writes a table and its schema; returns the config's keys about them."""
    (folder / "schema.toml").write_text(SCHEMA)
    write_csv(folder / name, table_rows(count))
    return {
        "data.name": "csv",
        "data.path": str(folder / name),
        "data.schema": str(folder / "schema.toml"),
        "data.per-site": "10",
        "data.validation": 5,
        "data.test": 5,
        "sites": 3,
        "models": "linear:3",
        "transfer.size": 10,
        "transfer.per-round": 5,
        "train.batch-size": 10,
        "baselines.enabled": False,
    }
