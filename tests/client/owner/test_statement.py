"""The signed statement: whole, the site's own, and nothing private in it."""

import json
import math
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client.owner.ledger_report import verify
from client.owner.statement import make_statement, verify_statement
from client.owner.statement_key import statement_key
from client.storage.store import Store
from common.errors import DataError, LedgerUnavailableError
from common.privacy.events import Mechanism
from tests.client.owner.test_ledger_report import POLICY
from tests.common.privacy.builders import budget
from tests.common.privacy.ledgers import DATASET, commit, fill, reserve
from tests.rules import naming

_FORGED = "Rule 1: a forged statement was believed."


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "ledger.sqlite")
    fill(opened.ledger(DATASET))
    yield opened
    opened.close()


@pytest.fixture
def key(tmp_path):
    return statement_key(tmp_path)


@pytest.fixture
def content(store, key):
    return make_statement(verify(store, POLICY), key)


def _public(key):
    return key.public_key().public_bytes_raw().hex()


def test_a_statement_says_what_the_ledger_says(content, store, key):
    """To somebody who has the statement alone."""
    ledger = store.ledger(DATASET)

    statement = verify_statement(content, _public(key))

    assert (statement.site_name, statement.dataset_id) == ("site-00", DATASET)
    assert statement.head == ledger.head()
    assert statement.content == ledger.content()
    assert statement.spent == ledger.lifetime_spent(budget(4.0))
    assert statement.budget == budget(4.0)
    assert statement.public_key == _public(key)


def test_equal_ledgers_give_equal_statements(content, store, key):
    """No time, no host, nothing random."""
    assert make_statement(verify(store, POLICY), key) == content


def test_a_statement_holds_public_facts_and_nothing_else(content, store):
    """No fingerprint, no key, no path, no label: a closed list of fields."""
    store.fingerprint_key(DATASET)
    store.set_fingerprint(DATASET, "secret fingerprint")

    said = json.loads(content)["statement"]

    assert set(said) == {
        *("format", "software", "site_name", "dataset_id", "budget"),
        *("entries", "head_sha256", "ledger", "runs", "lifetime"),
    }, "Rule 5: a statement says more than it may."
    assert set(said["ledger"][0]) == {"number", "kind", "content", "sha256"}
    assert set(said["runs"][0]) == {
        *("run_id", "rounds", "reserved", "settled", "is_closed", "spent"),
    }
    assert (
        make_statement(verify(store, POLICY), Ed25519PrivateKey.generate()).count(
            b"secret"
        )
        == 0
    )


def test_a_run_without_privacy_is_infinite_in_words(store, key):
    """JSON has no infinity."""
    ledger = store.ledger(DATASET)
    commit(ledger, "run-b", mechanism=Mechanism.NONE, epsilon=math.inf)
    reserve(ledger, range(1, 2), "run-b")

    content = make_statement(verify(store, POLICY), key)

    assert json.loads(content)["statement"]["lifetime"]["epsilon"] == "inf"
    assert verify_statement(content).spent.epsilon == math.inf


def _resigned(document, key):
    from client.owner.statement import _signed_bytes  # noqa: PLC0415

    document["signature"] = key.sign(_signed_bytes(document["statement"])).hex()
    document["public_key"] = _public(key)
    return document


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("site_name",), "site-01"),
        (("budget", "epsilon"), 40.0),
        (("lifetime", "epsilon"), 0.1),
        (("entries",), 4),
        (("ledger", 1, "content"), "{}"),
        (("runs", 0, "reserved"), 1),
    ],
)
def test_a_statement_that_was_edited_proves_nothing(where, value, content):
    """Any field."""
    document = json.loads(content)
    part = document["statement"]
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value

    with naming(_FORGED), pytest.raises(DataError, match="signature is not of this"):
        verify_statement(json.dumps(document).encode())


def test_a_statement_of_another_key_proves_nothing(content, key):
    """Signed well, by somebody else."""
    document = _resigned(json.loads(content), Ed25519PrivateKey.generate())

    forged = json.dumps(document).encode()

    assert verify_statement(forged).public_key != _public(key)
    with naming(_FORGED), pytest.raises(DataError, match="it is signed by"):
        verify_statement(forged, _public(key))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda said: said["ledger"].pop(), "do not end in its head"),
        (lambda said: said["ledger"].pop(2), "entry 3 is missing"),
        (lambda said: said.update(dataset_id="others"), "chain is broken at entry 1"),
        (lambda said: said["lifetime"].update(epsilon=0.1), "it says epsilon 0.1"),
        (lambda said: said.update(format="other"), "its format is 'other'"),
        (lambda said: said.pop("ledger"), "'ledger'"),
    ],
)
def test_an_owner_cannot_sign_what_does_not_add_up(change, problem, content, key):
    """Chain and epsilon are checked, not the signature alone."""
    document = json.loads(content)
    change(document["statement"])

    with naming(_FORGED), pytest.raises(DataError, match=problem):
        verify_statement(json.dumps(_resigned(document, key)).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"\xff", b'"x"'])
def test_what_is_no_statement_proves_nothing(content):
    """In words."""
    with pytest.raises(DataError, match=r"^The statement proves nothing: "):
        verify_statement(content)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path):
    """A second statement is signed by the same."""
    first = statement_key(tmp_path)

    assert statement_key(tmp_path).private_bytes_raw() == first.private_bytes_raw()
    mode = (tmp_path / "statement.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["statement.key"]


def test_a_key_that_others_may_read_is_refused(tmp_path):
    """Whoever has it signs in the site's name."""
    statement_key(tmp_path)
    (tmp_path / "statement.key").chmod(0o640)

    with pytest.raises(DataError, match="expected mode 0600"):
        statement_key(tmp_path)


def test_a_key_that_is_none_is_refused(tmp_path):
    """Never replaced: statements that were signed with it would be orphans."""
    path = tmp_path / "statement.key"
    path.write_text("no key")
    path.chmod(0o600)

    with pytest.raises(DataError, match="holds no Ed25519 key"):
        statement_key(tmp_path)
    with pytest.raises(LedgerUnavailableError, match="Nothing was signed"):
        statement_key(tmp_path / "missing")
    assert path.read_text() == "no key"
