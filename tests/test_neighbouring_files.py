"""A faulty row in the owner's file shows in nothing that leaves the site.

Rule 9 from the file on: how the site starts, what it prints where its relay could read,
and what it answers. The owner's own log may, and does, name the row.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from client.custodian.connection import CustodianConnection
from client.custodian.endpoint import Endpoint
from client.owner.open_site import open_site
from client.owner.policy_file import load_policy_file
from common.errors import FedstillError
from common.messages import HelloRequest
from common.transfer_messages import TransferChunk
from common.transfer_set import TransferSet
from tests.client.owner.support import SEEDED, write_policy
from tests.client.support import (
    NUM_CLASSES,
    SHAPE,
    finish_request,
    make_consensus,
    make_data,
    make_plan,
    make_transfer_set,
    round_request,
)
from tests.common.data.table_files import NUM_INPUTS, SCHEMA, csv_text, table_rows
from tests.neighbours import EXTREME, ROW, behaviour_of, header_of

TABLE = {
    "classes": None,
    "data.loader": "csv",
    "data.path": "patients.csv",
    "data.schema": "schema.toml",
}
ROOT = Path(__file__).resolve().parents[1]
VALUE_SHOWS = "Rule 9: public behaviour depends on a private value."
INDICES = np.arange(6, dtype=np.int32)
STARTS = 60  # seconds in which a custodian starts, or the test fails


def write_arrays(folder, *, value=None, label=None):
    """Writes a site with arrays, one row of them changed; returns its policy."""
    data = make_data()
    inputs, labels = data.inputs.astype(np.float64), data.labels.copy()
    if value is not None:
        inputs[ROW] = value
    if label is not None:
        labels[ROW] = label
    np.savez(folder / "examples.npz", inputs=inputs, labels=labels)
    return write_policy(folder, **{"limits.transfer-sets": None})


def write_table(folder, **cells):
    """Writes a site with a table, some cells of one row changed; returns its policy."""
    rows = table_rows()
    for column, text in cells.items():
        rows[ROW][("age", "pressure", "ward", "result").index(column)] = text
    (folder / "schema.toml").write_text(SCHEMA)
    (folder / "patients.csv").write_text(csv_text(rows))
    return write_policy(folder, **TABLE, **{"limits.transfer-sets": None})


def npz_dialogue():
    return dialogue(make_transfer_set(SHAPE), NUM_CLASSES)


def csv_dialogue():
    return dialogue(make_transfer_set((NUM_INPUTS,)), 2)


def dialogue(transfer_set: TransferSet, num_classes: int):
    """Delivers the transfer set, plays two rounds and a finish."""
    plan = make_plan(
        rounds=2, transfer_set_id=transfer_set.content_id, num_classes=num_classes
    )
    chunk = TransferChunk(
        transfer_set_id=transfer_set.content_id,
        first_row=0,
        num_rows=len(transfer_set),
        inputs=transfer_set.inputs,
    )
    nothing = {"consensus": make_consensus(INDICES[:0], np.zeros((0, num_classes)))}
    later = {"consensus": make_consensus(INDICES, np.zeros((6, num_classes)))}
    hello = HelloRequest(plan=plan).to_envelope()
    return (
        hello,
        chunk.to_envelope(),
        hello,
        round_request(1, **nothing),
        round_request(2, **later),
        round_request(2, indices=INDICES, **later),
        finish_request(2, **later),
    )


KINDS = {"npz": (write_arrays, npz_dialogue), "csv": (write_table, csv_dialogue)}
CHANGES = [
    pytest.param("npz", {"value": np.nan}, id="npz with NaN"),
    pytest.param("npz", {"value": EXTREME}, id="npz with an extreme row"),
    pytest.param("npz", {"value": 1e300}, id="npz beyond float32"),
    pytest.param("npz", {"label": NUM_CLASSES}, id="npz with a label outside"),
    pytest.param("csv", {"age": "nan"}, id="csv with NaN"),
    pytest.param("csv", {"age": "old"}, id="csv with a text for a number"),
    pytest.param("csv", {"age": "?"}, id="csv with a missing number"),
    pytest.param("csv", {"age": "1e300"}, id="csv with an extreme row"),
    pytest.param("csv", {"ward": "attic"}, id="csv with another category"),
    pytest.param("csv", {"result": "unknown"}, id="csv with a label outside"),
]


def observed(folder, kind, changes):
    """What a site with this file shows, its start included."""
    folder.mkdir()
    write, requests = KINDS[kind]
    policy = load_policy_file(write(folder, **changes))
    try:
        with open_site(policy, randomness=SEEDED) as site:
            return behaviour_of(site, policy.ledger_path, requests())
    except FedstillError as error:  # a site that does not start shows that
        return type(error)


@pytest.mark.parametrize(("kind", "changes"), CHANGES)
def test_a_faulty_row_of_a_file_shows_in_nothing(tmp_path, kind, changes):
    """The site starts and answers as if the row were like the others."""
    base = observed(tmp_path / "base", kind, {})

    found = observed(tmp_path / "neighbour", kind, changes)

    assert found == base, VALUE_SHOWS
    assert [one["outcome"] for one in map(json.loads, base.request_log)] == [
        *["answered"] * 5,
        "refused",
        "answered",
    ]


def served(folder: Path, **changes):
    """What ``fedstill site serve`` prints, and the sizes and headers of its replies."""
    folder.mkdir()
    policy = write_arrays(folder, **changes)
    process = subprocess.Popen(
        [sys.executable, "-m", "fedstill", "site", "serve", f"--policy={policy}"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    endpoint = Endpoint.parse(f"unix:{folder}/run/site.sock")
    relay = CustodianConnection(endpoint, STARTS, ready_seconds=STARTS)
    try:
        contents = [relay.answer(one).to_bytes() for one in npz_dialogue()]
    finally:
        process.send_signal(signal.SIGTERM)
        printed, told = process.communicate(timeout=STARTS)
    lines = re.sub(r'"time": "[^"]*"', "", printed)
    shown = (process.returncode, [(len(one), header_of(one)) for one in contents])
    return (*shown, lines), told, contents


def test_what_the_owner_is_told_at_the_start_reaches_nobody_else():
    """`site serve` names the faulty row to the owner; the rest of it is the same."""
    with tempfile.TemporaryDirectory(prefix="fedstill-") as name:
        folder = Path(name).resolve()
        base, told_of_base, _ = served(folder / "base")
        found, told, contents = served(folder / "neighbour", value=np.nan)

    assert found == base, VALUE_SHOWS
    assert "not finite" not in told_of_base
    assert f"(rows {ROW})" in told
    assert not any(b"finite" in content for content in contents)
