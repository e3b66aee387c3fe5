"""The checker of the fault tests notices what it is there for."""

import dataclasses
import sqlite3
from contextlib import closing

import pytest

from common.envelope import Envelope, MessageKind
from tests.faults import invariants
from tests.faults.dialogue import first_round, whole_run
from tests.faults.drive import assert_nothing_is_lost, broken, play
from tests.faults.hooks import Hooks
from tests.faults.invariants import violations
from tests.faults.place import new_place, store_of
from tests.faults.processes import CustodianProcess

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def ended(zygote, undisturbed):
    """What was seen of a run, its store's content, and how it had to end."""
    expected = undisturbed("dp-sgd", 0)
    with new_place() as place:
        custodian = CustodianProcess(zygote, place, seed=0)
        custodian.start()
        seen = play(custodian, whole_run(expected.plan))
        assert_nothing_is_lost(custodian, seen, expected)
        return seen.replies, store_of(place).read_bytes(), expected.ending


@pytest.fixture
def store(ended, tmp_path):
    """A copy of the store, to forge."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(ended[1])
    return path


def forge(store, statement):
    """Changes the rows on disk, whatever guards them."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        triggers = [
            connection.execute(
                "SELECT sql FROM sqlite_master WHERE name = ?", name
            ).fetchone()[0]
            for name in names
        ]
        for (name,) in names:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount > 0
        for trigger in triggers:
            connection.execute(trigger)


def found(store, replies, ending):
    """Returns the names of the invariants that are broken."""
    return {name for name, _ in violations(store, replies, ending)}


OTHER_REPLY = """
UPDATE ledger_entries SET content = json_set(content, '$.reply_sha256', 'none')
WHERE kind = 'settlement'
"""
LAST_CHARGE_GONE = """
DELETE FROM ledger_entries WHERE entry_number =
(SELECT max(entry_number) FROM ledger_entries WHERE kind = 'reservation')
"""
CHARGED_TWICE = """
INSERT INTO ledger_entries SELECT dataset_id,
(SELECT max(entry_number) + 1 FROM ledger_entries), kind, content, sha256
FROM ledger_entries WHERE kind = 'reservation' LIMIT 1
"""
LAST_GONE = """
DELETE FROM ledger_entries WHERE entry_number =
(SELECT max(entry_number) FROM ledger_entries)
"""
FEWER_STEPS = """
UPDATE ledger_entries SET content = json_set(content, '$.steps', 1)
WHERE kind = 'reservation'
"""
OTHER_WEIGHTS = "UPDATE students SET weights = x'00'"
FORGERIES = {
    OTHER_REPLY: {invariants.RELEASE, invariants.CHAIN},
    LAST_CHARGE_GONE: {
        invariants.RELEASE,
        invariants.LOSS,
        invariants.STEPS,
        invariants.CHAIN,
    },
    CHARGED_TWICE: {invariants.CHARGE, invariants.STEPS, invariants.CHAIN},
    LAST_GONE: {invariants.LOSS},
    FEWER_STEPS: {invariants.STEPS, invariants.CHAIN},
    OTHER_WEIGHTS: {invariants.STEPS},
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_violation_is_found(forgery, ended, store):
    """Every invariant is broken on disk by hand, and the checker names it."""
    replies, _, ending = ended

    forge(store, forgery)

    assert found(store, replies, ending) == FORGERIES[forgery]


def test_every_invariant_has_a_forgery():
    """No check stands here that was never seen to fail."""
    names = set().union(*FORGERIES.values())

    assert names == set(invariants.NAMES)


def test_a_reply_that_was_never_settled_is_found(ended, store):
    """Another reply to the same round: a second release on one charge."""
    replies, _, ending = ended
    reply = next(
        envelope
        for envelope in map(Envelope.from_bytes, replies)
        if envelope.kind is MessageKind.ROUND
    )
    other = {name: array + 1 for name, array in reply.arrays.items()}
    second = dataclasses.replace(reply, arrays=other).to_bytes()

    assert found(store, replies, ending) == set()
    assert found(store, [*replies, second], ending) == {invariants.RELEASE}


@pytest.mark.parametrize(
    ("fault", "name", "dialogue"),
    [
        # Its own next answer would be that entries are missing.
        ("settles nothing", invariants.RELEASE, first_round),
        ("settles nothing", invariants.LOSS, first_round),
        ("trains twice", invariants.STEPS, whole_run),
    ],
)
def test_a_broken_custodian_is_found(fault, name, dialogue, custodian, undisturbed):
    """A custodian that breaks the guarantee by itself does not pass."""
    expected = undisturbed("dp-sgd", 0)
    custodian.start(hooks=Hooks(broken=fault))

    seen = play(custodian, dialogue(expected.plan))

    assert name in {one for one, _ in broken(custodian, seen, expected.ending)}
