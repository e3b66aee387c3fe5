"""`ledger verify`: chain and epsilon from the file alone."""

import math

import pytest

from client.owner.ledger_report import verify
from client.policy import SitePolicy
from client.storage.store import Store
from common.errors import LedgerCorruptedError
from common.privacy import filter as privacy_filter
from common.privacy.accountant import spent
from common.privacy.events import Mechanism
from common.privacy.ledger_entries import LedgerHead
from tests.common.privacy.builders import DELTA, budget
from tests.common.privacy.ledgers import (
    DATASET,
    commit,
    edit,
    fill,
    forge,
    reserve,
    settle,
)
from tests.rules import naming

POLICY = SitePolicy(
    site_name="site-00",
    dataset_id=DATASET,
    nominal_examples=1000,
    budget=budget(4.0),
    model="mlp",
    num_classes=10,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    store = Store(path)
    yield store.ledger(DATASET)
    store.close()


def _verified(path):
    store = Store(path, read_only=True)
    try:
        return verify(store, POLICY)
    finally:
        store.close()


def test_an_empty_ledger_has_spent_nothing(ledger, path):
    """It can be verified before the first hello."""
    report = _verified(path)

    assert (report.head, report.runs) == (LedgerHead(), ())
    assert (report.spent.epsilon, report.counted.epsilon) == (0.0, 0.0)
    assert report.is_within_budget
    assert report.is_believable


def test_a_report_says_by_run_what_was_charged(ledger, path):
    """Committed, charged, answered and spent, while the custodian has it open."""
    fill(ledger)
    commit(ledger, "run-b")
    reserve(ledger, range(1, 5), "run-b")
    settle(ledger, 1, run_id="run-b")

    report = _verified(path)

    first, second = report.runs
    assert report.head == ledger.head()
    assert [entry.number for entry in report.entries] == list(range(1, 12))
    assert (first.run_id, first.rounds, first.reserved) == ("run-a", 10, 2)
    assert (first.settled, first.is_closed) == (1, True)
    assert (second.reserved, second.settled, second.is_closed) == (4, 1, False)
    assert first.spent == ledger.spent(delta=DELTA, run_id="run-a")
    assert second.spent == ledger.spent(delta=DELTA, run_id="run-b")
    assert report.spent == ledger.lifetime_spent(budget(4.0))
    assert report.counted == privacy_filter.bound(
        budget(4.0), ledger.committed_events()
    )
    assert report.counted.epsilon > report.spent.epsilon
    assert first.committed == first.recomputed
    assert report.is_within_budget


def test_one_open_run_counts_as_its_commitment(ledger, path):
    """By the tight accountant, as at its hello."""
    _, commitment = commit(ledger)
    reserve(ledger, range(1, 2))

    report = _verified(path)

    assert report.counted.epsilon == commitment.epsilon
    assert report.spent == spent(ledger.events(), delta=DELTA)


def test_rounds_without_privacy_are_beyond_any_budget(ledger, path):
    """Infinite, and said so."""
    commit(ledger, mechanism=Mechanism.NONE, epsilon=math.inf)
    reserve(ledger, range(1, 2))

    report = _verified(path)

    assert report.spent.epsilon == math.inf
    assert not report.is_within_budget
    assert report.is_believable


def test_a_broken_chain_is_no_report(ledger, path):
    """Nothing is computed from entries that cannot be believed."""
    fill(ledger)
    edit(path, "DELETE FROM ledger_entries WHERE entry_number = 3")

    with (
        naming("Rule 1: an edited ledger was believed."),
        pytest.raises(LedgerCorruptedError, match="entry 3 is missing"),
    ):
        _verified(path)


def test_a_forged_noise_is_found_by_its_epsilon(ledger, path):
    """Chained anew and free of contradictions, but the plan's epsilon is another's."""
    fill(ledger)

    def louder(rows):
        for kind, fields in rows:
            if kind in {"plan", "reservation"}:
                fields["noise_multiplier"] *= 2
        return rows

    forge(path, louder)

    report = _verified(path)

    assert not report.is_believable, "Rule 1: a forged noise went unnoticed."
    assert not report.runs[0].is_as_committed
