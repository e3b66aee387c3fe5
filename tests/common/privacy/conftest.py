"""What the tests of the ledger share."""

from pathlib import Path

import pytest

from tests.common.privacy.ledgers import fill, open_ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one ledger of five entries."""
    file = tmp_path / "ledger.sqlite"
    fill(open_ledger(file))
    return file
