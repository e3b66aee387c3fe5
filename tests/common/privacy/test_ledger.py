"""The ledger: what is charged stays charged, and nothing is charged twice."""

import math
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import BudgetExhaustedError, LedgerCorruptedError
from common.privacy import filter as privacy_filter
from common.privacy.accountant import spent
from common.privacy.commitment import Commitment, decide
from common.privacy.events import Mechanism
from common.privacy.ledger import Ledger
from common.privacy.ledger_rows import Reservation
from tests.common.privacy.builders import DELTA, budget, event, plan
from tests.common.privacy.ledgers import (
    AFTER,
    BEFORE,
    REPLY,
    commit,
    event_of,
    reserve,
    settle,
)
from tests.rules import naming

Open = Callable[..., Ledger]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger lies."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def open_ledger(path: Path) -> Open:
    """Opens the ledger on a new connection, as a restarted process does."""

    def open_it(dataset_id: str = "records", file: Path = path) -> Ledger:
        return Ledger(sqlite3.connect(file, isolation_level=None), dataset_id)

    return open_it


@pytest.fixture
def ledger(open_ledger: Open) -> Ledger:
    """An empty ledger."""
    return open_ledger()


def _settle_and_die(ledger: Ledger) -> None:
    with ledger._tables.transaction():
        ledger.settle("run-a", 1, AFTER, REPLY)
        raise KeyboardInterrupt


def _rows(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def test_an_empty_ledger_has_spent_nothing(ledger: Ledger) -> None:
    """No entries, no events, epsilon 0."""
    assert ledger.entry_count() == 0
    assert ledger.events() == []
    assert ledger.committed_events() == []
    assert ledger.plan("run-a") is None
    assert ledger.reservation("run-a", 1) is None
    assert ledger.spent(delta=DELTA).epsilon == 0
    assert ledger.lifetime_spent(budget()).epsilon == 0


def test_a_reservation_survives_a_crash(ledger: Ledger, open_ledger: Open) -> None:
    """A process that starts after the reservation sees it, nothing else was done."""
    commit(ledger)

    charged = ledger.reserve("run-a", 1, event_of(ledger), BEFORE)

    assert open_ledger().reservation("run-a", 1) == charged
    assert charged == Reservation(
        run_id="run-a", round_number=1, event=event_of(ledger), weights_sha256=BEFORE
    )
    assert not charged.is_settled


def test_a_retry_is_charged_once_and_starts_from_the_named_weights(
    ledger: Ledger, open_ledger: Open
) -> None:
    """The same round again returns the first reservation and its weights' hash."""
    commit(ledger)
    charged = ledger.reserve("run-a", 1, event_of(ledger), BEFORE)

    again = open_ledger().reserve("run-a", 1, event_of(ledger), AFTER)

    assert again == charged
    assert again.weights_sha256 == BEFORE
    assert ledger.entry_count() == 2


def test_an_abandoned_reservation_stays_spent(ledger: Ledger) -> None:
    """A round that was never settled counts like any other."""
    commit(ledger)
    reserve(ledger, range(1, 4))
    settle(ledger, 2)

    charged = spent([event_of(ledger)] * 3, delta=DELTA)
    assert ledger.spent(delta=DELTA, run_id="run-a") == charged, (
        "Rule 1: an abandoned reservation was refunded."
    )
    assert len(ledger.events("run-a")) == 3


def test_rounds_compose(ledger: Ledger) -> None:
    """All rounds together cost what was committed, far more than one of them."""
    _, commitment = commit(ledger)
    reserve(ledger, range(1, 11))

    total = ledger.spent(delta=DELTA, run_id="run-a").epsilon

    assert total == commitment.epsilon, "Rule 1: rounds must compose."
    assert total > 2 * spent([event_of(ledger)], delta=DELTA).epsilon


def test_a_new_run_brings_no_new_budget(ledger: Ledger, open_ledger: Open) -> None:
    """After a run that spent the lifetime, another run id finds nothing left."""
    commit(ledger, epsilon=4.0)
    reserve(ledger, range(1, 11))
    ledger.close_plan("run-a")

    _, second = commit(open_ledger(), "run-b", epsilon=4.0)

    assert second.rounds == 0, "Rule 1: a second run must not get a fresh budget."
    assert len(ledger.events()) == 10


def test_runs_on_one_dataset_id_add_up(ledger: Ledger) -> None:
    """Two runs are in the total, each alone in its own, the filter in the promise."""
    commit(ledger)
    reserve(ledger, range(1, 11))
    ledger.close_plan("run-a")
    commit(ledger, "run-b")
    reserve(ledger, range(1, 6), "run-b")

    single = ledger.spent(delta=DELTA, run_id="run-a").epsilon
    both = ledger.spent(delta=DELTA).epsilon

    assert single < both < 2 * single
    assert both == spent(ledger.events(), delta=DELTA).epsilon
    assert ledger.lifetime_spent(budget()) == privacy_filter.bound(
        budget(), ledger.events()
    )
    assert ledger.lifetime_spent(budget()).epsilon > both


def test_one_run_is_promised_by_the_tight_accountant(ledger: Ledger) -> None:
    """With one run in the ledger, lifetime and run cost the same."""
    commit(ledger)
    reserve(ledger, range(1, 6))

    assert ledger.lifetime_spent(budget()) == ledger.spent(delta=DELTA)


def test_an_exhausted_budget_writes_nothing(ledger: Ledger, path: Path) -> None:
    """A round beyond the committed ones is refused and leaves no trace."""
    commit(ledger, rounds=3)
    reserve(ledger, range(1, 4))
    before = _rows(path)

    rule = "Rule 1: a round beyond the budget was granted."
    with (
        naming(rule),
        # The second stands behind the first: a ledger that contradicts itself.
        pytest.raises((BudgetExhaustedError, LedgerCorruptedError)) as caught,
    ):
        ledger.reserve("run-a", 4, event_of(ledger), BEFORE)

    assert isinstance(caught.value, BudgetExhaustedError), rule
    one = spent([event_of(ledger)], delta=DELTA).epsilon
    assert (caught.value.remaining, caught.value.requested) == (0.0, one)
    assert _rows(path) == before


def test_a_commitment_of_no_rounds_reserves_nothing(ledger: Ledger) -> None:
    """A site that could afford nothing cannot be charged."""
    asked = plan()
    ledger.commit_plan(
        asked, Commitment(noise_multiplier=0.0, rounds=0, epsilon=0.0, delta=DELTA)
    )

    with pytest.raises(BudgetExhaustedError):
        ledger.reserve("run-a", 1, event(5.0, steps=2), BEFORE)

    assert ledger.entry_count() == 1
    assert ledger.committed_events() == []


def test_rounds_that_a_site_missed_may_be_any(ledger: Ledger) -> None:
    """Three committed rounds are three, whichever numbers the server used."""
    commit(ledger, rounds=3)
    for round_number in (2, 5, 9):
        ledger.reserve("run-a", round_number, event_of(ledger), BEFORE)

    with pytest.raises(BudgetExhaustedError):
        ledger.reserve("run-a", 10, event_of(ledger), BEFORE)


def test_another_event_than_the_committed_one_is_refused(
    ledger: Ledger, path: Path
) -> None:
    """Neither a new nor a repeated round may spend something else."""
    commit(ledger)
    reserve(ledger, range(1, 2))
    before = _rows(path)

    for round_number in (1, 2):
        with (
            naming("Rule 1: a round spent what was not committed."),
            pytest.raises(LedgerCorruptedError, match="something else than the run"),
        ):
            ledger.reserve("run-a", round_number, event(0.5), BEFORE)

    assert _rows(path) == before


def test_a_run_without_a_plan_is_refused(ledger: Ledger) -> None:
    """Before its hello a run can neither reserve nor close."""
    with pytest.raises(LedgerCorruptedError, match="run 'run-a' has no plan"):
        ledger.reserve("run-a", 1, event(), BEFORE)
    with pytest.raises(LedgerCorruptedError, match="run 'run-a' has no plan"):
        ledger.close_plan("run-a")


def test_the_same_plan_is_committed_once(ledger: Ledger, path: Path) -> None:
    """A repeated hello changes nothing."""
    asked, commitment = commit(ledger)
    before = _rows(path)

    again = ledger.commit_plan(asked, commitment)

    assert again == ledger.plan("run-a")
    assert again.is_first
    assert not again.is_closed
    assert again.plan_id == asked.content_id
    assert again.commitment == commitment
    assert _rows(path) == before


def test_a_changed_plan_is_refused(ledger: Ledger, path: Path) -> None:
    """A plan is immutable, and so is what was committed to it."""
    asked, commitment = commit(ledger)
    before = _rows(path)

    with pytest.raises(LedgerCorruptedError, match="committed to another plan"):
        ledger.commit_plan(plan(rounds=11), commitment)
    with pytest.raises(LedgerCorruptedError, match="committed to another plan"):
        ledger.commit_plan(
            asked, decide(plan(epsilon=2.0), budget=budget(), earlier=[])
        )

    assert _rows(path) == before


def test_an_open_plan_counts_whole_and_a_closed_one_what_it_reserved(
    ledger: Ledger,
) -> None:
    """Closing releases rounds that were never reserved."""
    commit(ledger)
    reserve(ledger, range(1, 4))
    while_open = ledger.committed_events()

    ledger.close_plan("run-a")
    ledger.close_plan("run-a")

    one = event_of(ledger)
    assert while_open == [event(one.noise_multiplier, steps=20)]
    assert ledger.committed_events() == [event(one.noise_multiplier, steps=6)], (
        "Rule 1: a reservation was refunded when its run ended."
    )
    with pytest.raises(BudgetExhaustedError):
        ledger.reserve("run-a", 4, one, BEFORE)
    assert ledger.reserve("run-a", 3, one, BEFORE).round_number == 3


def test_a_first_plan_beyond_the_filter_is_spent_whole(ledger: Ledger) -> None:
    """Stopping it early, in view of its answers, does not buy a second chance."""
    _, commitment = commit(ledger, epsilon=4.0)
    reserve(ledger, range(1, 2))
    ledger.close_plan("run-a")

    assert commitment.is_indivisible
    assert ledger.committed_events() == [
        event(commitment.noise_multiplier, steps=20)
    ], "Rule 1: a plan that was stopped in view of its answers was refunded."
    assert commit(ledger, "run-b")[1].rounds == 0


def test_a_plan_that_answered_nothing_costs_nothing(ledger: Ledger) -> None:
    """A plan that is closed before its first reservation leaves the next one first."""
    commit(ledger, epsilon=4.0)
    ledger.close_plan("run-a")

    _, second = commit(ledger, "run-b", epsilon=4.0)

    committed = ledger.plan("run-b")
    assert committed is not None
    assert committed.is_first
    assert second.rounds == 10


def test_an_open_plan_is_in_the_way_of_the_next(ledger: Ledger) -> None:
    """A second plan is decided as if the first had spent everything."""
    commit(ledger, epsilon=4.0)

    _, second = commit(ledger, "run-b")

    committed = ledger.plan("run-b")
    assert committed is not None
    assert not committed.is_first
    assert second.rounds == 0


def test_rounds_without_privacy_are_on_record(ledger: Ledger) -> None:
    """After one of them the ledger has no guarantee, and no budget."""
    commit(ledger, mechanism=Mechanism.NONE, epsilon=math.inf)
    reserve(ledger, range(1, 2))
    ledger.close_plan("run-a")

    assert ledger.spent(delta=DELTA).epsilon == math.inf
    assert commit(ledger, "run-b")[1].rounds == 0, "Rule 8: infinite is over budget."


def test_a_settlement_is_part_of_the_callers_transaction(
    ledger: Ledger, open_ledger: Open
) -> None:
    """What is rolled back was not settled, what is committed was."""
    commit(ledger)
    reserve(ledger, range(1, 3))

    with pytest.raises(KeyboardInterrupt):
        _settle_and_die(ledger)
    settle(ledger, 2)

    first = open_ledger().reservation("run-a", 1)
    second = open_ledger().reservation("run-a", 2)
    assert first is not None
    assert second is not None
    assert not first.is_settled
    assert (second.new_weights_sha256, second.reply_sha256) == (AFTER, REPLY)


def test_a_settlement_needs_a_transaction_and_a_reservation_its_own(
    ledger: Ledger,
) -> None:
    """Neither may become durable at another moment than it says."""
    commit(ledger)
    reserve(ledger, range(1, 2))

    with pytest.raises(RuntimeError, match="belongs into the release's transaction"):
        ledger.settle("run-a", 1, AFTER, REPLY)
    with (
        ledger._tables.transaction(),
        pytest.raises(RuntimeError, match="needs a transaction of its own"),
    ):
        ledger.reserve("run-a", 2, event_of(ledger), BEFORE)


def test_a_round_is_settled_once(ledger: Ledger) -> None:
    """The same settlement again is fine, another reply is not."""
    commit(ledger)
    reserve(ledger, range(1, 2))
    settle(ledger)
    settle(ledger)

    with pytest.raises(LedgerCorruptedError, match="was settled otherwise"):
        settle(ledger, reply="other")
    with pytest.raises(LedgerCorruptedError, match="was never reserved"):
        settle(ledger, 2)


def test_several_dataset_ids_share_a_file(ledger: Ledger, open_ledger: Open) -> None:
    """What one body of data spent is not charged to another."""
    commit(ledger, epsilon=4.0)
    reserve(ledger, range(1, 11))

    other = open_ledger("other records")
    _, commitment = commit(other, epsilon=4.0)

    assert commitment.rounds == 10
    assert (ledger.entry_count(), other.entry_count()) == (11, 1)


def test_the_same_plan_writes_the_same_bytes(open_ledger: Open, tmp_path: Path) -> None:
    """Rows follow from plan, policy and hashes: no time, no host, no data."""
    files = [tmp_path / "one.sqlite", tmp_path / "two.sqlite"]
    for file in files:
        ledger = open_ledger(file=file)
        commit(ledger)
        reserve(ledger, range(1, 4))
        settle(ledger)
        ledger.close_plan("run-a")

    assert _rows(files[0]) == _rows(files[1]), "Rule 3: equal plans, equal rows."


def test_a_file_that_is_no_ledger_is_refused(path: Path, open_ledger: Open) -> None:
    """Bytes that SQLite cannot read are a corrupted ledger, not an empty one."""
    path.write_bytes(b"not a database, " * 100)

    with pytest.raises(LedgerCorruptedError) as caught:
        open_ledger()

    assert str(caught.value) == (
        "The ledger of dataset id 'records' cannot be believed: file is not a "
        "database. Nothing is spent or released on its word."
    )


def test_a_connection_with_transactions_of_its_own_is_refused(path: Path) -> None:
    """Python's implicit transactions would make nothing durable."""
    with pytest.raises(ValueError, match="isolation_level=None"):
        Ledger(sqlite3.connect(path), "records")


def test_opening_a_ledger_leaves_the_callers_transaction_open(path: Path) -> None:
    """A half-written release is not committed by somebody who reads the ledger."""
    connection = sqlite3.connect(path, isolation_level=None)
    Ledger(connection, "records")
    connection.execute("BEGIN IMMEDIATE")

    Ledger(connection, "records")

    assert connection.in_transaction
