"""What a site shows of itself, and data sets that differ in one row.

Two sites whose private data are neighbours are to be compared in everything but the
values of what a mechanism released: :func:`behaviour_of` plays a dialogue with one of
them, over its custodian's socket, and keeps what has to be the same.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from client.private_data import PrivateData
from common.envelope import Envelope
from tests.client.custodian.support import content_of, door, parts_of
from tests.client.support import NUM_CLASSES, make_data

EXTREME = 1e30
ROW = 3  # the one that differs
# What a mechanism released, and the hashes of it; the fingerprint is keyed, and stays
# at the site like its key.
RELEASED = frozenset({"weights", "reply", "key", "fingerprint"})
SIZES = "length("


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """All that must not tell neighbouring data sets apart.

    Attributes:
        replies: gRPC status, size in bytes, sizes of the parts and header of each.
        request_log: the custodian's, without the time of day.
        owner_log: lines of the site's own log while it answers.
        ledger: rows on disk, by table.
    """

    replies: tuple[tuple[object, ...], ...]
    request_log: tuple[str, ...]
    owner_log: tuple[str, ...]
    ledger: dict[str, list[tuple[object, ...]]]


def behaviour_of(site, store: Path, requests: Iterable[Envelope]) -> Behaviour:
    """Plays a dialogue with a site through a custodian's socket.

    Args:
        site: answers.
        store: the file of its ledger.
        requests: in their order.
    """
    with door(site) as custodian, _owner_log() as lines:
        replies = tuple(_seen(*custodian.call(parts_of(one))) for one in requests)
        request_log = tuple(json.dumps(line) for line in custodian.lines())
    return Behaviour(
        replies=replies,
        request_log=request_log,
        owner_log=tuple(lines),
        ledger=public_rows(store),
    )


def header_of(content: bytes) -> bytes:
    """The header of an envelope's bytes: kind, fields, and the arrays' shapes."""
    length = int.from_bytes(content[:8], "little")
    return content[: 8 + length]


def public_rows(store: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything on a site's disk, with sizes in the place of what was released."""
    connection = sqlite3.connect(store)
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    ).fetchall()
    rows = {}
    for (table,) in names:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        asked = ", ".join(_asked(column) for column in columns)
        rows[table] = [
            tuple(map(_without_hashes, row))
            for row in connection.execute(f"SELECT {asked} FROM {table}")
        ]
    connection.close()
    return rows


def one_row_less() -> PrivateData:
    data = make_data()
    return _data(np.delete(data.inputs, ROW, 0), np.delete(data.labels, ROW))


def one_row_more() -> PrivateData:
    data = make_data()
    inputs = np.concatenate([data.inputs, data.inputs[ROW : ROW + 1]])
    return _data(inputs, np.append(data.labels, data.labels[ROW]))


def one_extreme_row() -> PrivateData:
    return _with_row(EXTREME)


def one_row_of_nan() -> PrivateData:
    return _with_row(np.nan)


def one_infinite_row() -> PrivateData:
    return _with_row(-np.inf)


def one_label_outside() -> PrivateData:
    return _with_label(77)


def one_negative_label() -> PrivateData:
    return _with_label(-1)


# By name, and whether the rule is that of sizes (3) or that of values (9).
NEIGHBOURS = {
    "one row less": (one_row_less, 3),
    "one row more": (one_row_more, 3),
    "one extreme row": (one_extreme_row, 9),
    "one row of NaN": (one_row_of_nan, 9),
    "one infinite row": (one_infinite_row, 9),
    "one label outside": (one_label_outside, 9),
    "one negative label": (one_negative_label, 9),
}


def _with_row(value: float) -> PrivateData:
    data = make_data()
    inputs = data.inputs.copy()
    inputs[ROW] = value
    return _data(inputs, data.labels)


def _with_label(label: int) -> PrivateData:
    data = make_data()
    labels = data.labels.copy()
    labels[ROW] = label
    return _data(data.inputs, labels)


def _data(inputs, labels) -> PrivateData:
    return PrivateData(inputs=inputs, labels=labels, num_classes=NUM_CLASSES)


def _seen(status, answer) -> tuple[object, ...]:
    if isinstance(answer, str):  # no reply: gRPC's own text
        return status.name, answer
    content = content_of(answer)
    return status.name, len(content), tuple(map(len, answer)), header_of(content)


def _asked(column: str) -> str:
    is_masked = column in RELEASED or column.endswith("sha256")
    return f"{SIZES}{column})" if is_masked else column


def _without_hashes(value: object) -> object:
    """Entries of the ledger are JSON that names weights and replies by their hashes."""
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    content = json.loads(value)
    for key in content:
        if key.endswith("sha256"):
            content[key] = len(content[key])
    return json.dumps(content)


@contextmanager
def _owner_log() -> Iterator[list[str]]:
    """Keeps what ``client`` logs; what it told at the start is for the owner only."""
    lines: list[str] = []
    logger = logging.getLogger("client")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
