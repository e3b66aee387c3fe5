"""The second head: what was not restored with the ledger tells that it is older."""

import json

import pytest

from client.storage.ledger_head import LedgerHeadFile
from common.errors import (
    LedgerCorruptedError,
    LedgerRolledBackError,
    LedgerUnavailableError,
)
from tests.common.privacy.ledgers import (
    commit,
    edit,
    fill,
    open_ledger,
    reserve,
    settle,
)
from tests.rules import naming

_OLDER = "Rule 1: an older copy of the ledger was accepted."


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def heads(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return LedgerHeadFile(folder / "heads.json")


def _read(heads):
    return json.loads(heads._path.read_text())["heads"]


def test_a_new_ledger_goes_on_record_and_advances(path, heads):
    """Entries and hash by dataset id, for anybody to read."""
    ledger = open_ledger(path)

    heads.check(ledger)
    assert _read(heads) == {"records": {"entries": 0, "sha256": "0" * 64}}
    fill(ledger)
    heads.advance(ledger)
    heads.check(ledger)

    head = ledger.head()
    assert _read(heads) == {"records": {"entries": 5, "sha256": head.sha256}}


def test_an_older_copy_is_refused_after_a_restart(path, heads):
    """The chain of the copy is whole; only the second head knows."""
    ledger = open_ledger(path)
    heads.check(ledger)
    commit(ledger)
    reserve(ledger, range(1, 2))
    copy = path.read_bytes()
    settle(ledger)
    heads.advance(ledger)
    path.write_bytes(copy)
    restarted = open_ledger(path)

    for use in (heads.check, heads.advance):
        with (
            naming(_OLDER),
            pytest.raises(LedgerRolledBackError, match="had 3 entries, and it has 2"),
        ):
            use(restarted)


def test_an_older_copy_that_went_another_way_is_refused(path, heads):
    """As long as before, or longer, and not the same."""
    ledger = open_ledger(path)
    heads.check(ledger)
    fill(ledger)
    heads.advance(ledger)
    edit(path, "DELETE FROM ledger_entries WHERE entry_number > 2")
    other = open_ledger(path)
    reserve(other, range(5, 9))

    with (
        naming(_OLDER),
        pytest.raises(LedgerRolledBackError, match="entry 5 has another hash"),
    ):
        heads.check(other)


def test_a_ledger_ahead_of_its_head_is_as_it_should_be(path, heads):
    """A custodian died between commit and advance."""
    ledger = open_ledger(path)
    heads.check(ledger)
    commit(ledger)
    heads.advance(ledger)
    reserve(ledger, range(1, 3))

    heads.check(open_ledger(path))
    heads.advance(open_ledger(path))

    assert _read(heads)["records"]["entries"] == 3


def test_a_missing_head_is_refused_until_the_owner_says_so(path, heads):
    """Storage that is not mounted looks like it."""
    ledger = open_ledger(path)
    fill(ledger)

    for use in (heads.check, heads.advance):
        with (
            naming(_OLDER),
            pytest.raises(LedgerUnavailableError, match="is missing"),
        ):
            use(ledger)
    heads.remake(ledger)

    heads.check(ledger)
    assert _read(heads)["records"]["entries"] == 5


def test_a_ledger_with_entries_that_the_head_does_not_know_is_refused(path, heads):
    """The file is there, for another dataset id."""
    heads.check(open_ledger(path, "others"))
    ledger = open_ledger(path)
    fill(ledger)

    with naming(_OLDER), pytest.raises(LedgerUnavailableError, match="knows nothing"):
        heads.check(ledger)
    heads.remake(ledger)

    heads.check(ledger)
    assert set(_read(heads)) == {"others", "records"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"format": "other", "heads": {}}',
        b'{"format": "fedstill-ledger-heads-1", "heads": []}',
        b'{"format": "fedstill-ledger-heads-1", "heads": {"records": {"entries": 1}}}',
        (
            b'{"format": "fedstill-ledger-heads-1", "heads": {"records": '
            b'{"entries": 3, "sha256": "0"}}}'
        ),
    ],
)
def test_a_head_that_cannot_be_read_is_no_head(content, path, heads):
    """Neither ignored nor overwritten."""
    heads._path.write_bytes(content)

    with pytest.raises(LedgerCorruptedError, match="it is no such file"):
        heads.advance(open_ledger(path))

    assert heads._path.read_bytes() == content


def test_a_head_that_cannot_be_written_is_told_in_words(path, heads, monkeypatch):
    """The ledger stays ahead; once there is room, the same call succeeds."""
    ledger = open_ledger(path)
    heads.check(ledger)
    commit(ledger)

    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("client.storage.ledger_head.write_atomically", fail)
        with pytest.raises(LedgerUnavailableError, match="cannot be written: No space"):
            heads.advance(ledger)
    heads.advance(ledger)

    assert _read(heads)["records"]["entries"] == 1
