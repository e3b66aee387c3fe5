"""The folder of one site: policy, private data, state and socket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.client.support import POLICY, make_data

_POLICY = f"""\
site-name = "{POLICY.site_name}"
dataset-id = "{POLICY.dataset_id}"
nominal-examples = {POLICY.nominal_examples}
classes = {POLICY.num_classes}

[data]
loader = "npz"
path = "data.npz"

[budget]
epsilon = {POLICY.budget.epsilon}
delta = {POLICY.budget.delta}

[model]
name = "{POLICY.model}"

[socket]
path = "socket/site.sock"
"""
_SECOND_HEAD = """
[ledger]
second-head = "elsewhere/head.json"
"""


@contextmanager
def new_place() -> Iterator[Path]:
    """A site's folder; not pytest's own, whose long names no socket can have.

    The ledger has a second head in a folder that stands for other storage.
    """
    place = Path(tempfile.mkdtemp(prefix="fedstill-"))
    try:
        place.chmod(0o755)
        data = make_data()
        np.savez(place / "data.npz", inputs=data.inputs, labels=data.labels)
        policy_of(place).write_text(_POLICY + _SECOND_HEAD)
        for name in ("state", "elsewhere"):
            (place / name).mkdir()
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def policy_of(place: Path) -> Path:
    """Returns the site's policy file."""
    return place / "site.toml"


def socket_of(place: Path) -> Path:
    """Returns the custodian's socket."""
    return place / "socket" / "site.sock"


def store_of(place: Path) -> Path:
    """Returns the file with students, outbox and ledger."""
    return place / "state" / "ledger.sqlite"


def drop_second_head(place: Path) -> None:
    """Makes it a site whose owner keeps no second head."""
    policy_of(place).write_text(_POLICY)
