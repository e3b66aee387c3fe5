"""The second head: a small file on other storage that shows when a ledger is older.

Whoever restores a disk from a backup restores the ledger with it, and its chain is
whole: only something that was not restored can tell. The file holds, by dataset id, how
many entries the ledger had and the hash of the last.

When to call, in the custodian:

- :meth:`LedgerHeadFile.check` once when the custodian starts, and before every answer;
- :meth:`LedgerHeadFile.advance` after every answer was worked out, whatever became of
  it, and before any of its bytes leave.

A custodian that dies between commit and advance finds its ledger ahead of the file,
which is as it should be: nothing that rests on those entries has left. A ledger that is
behind the file, or another one, is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from common.atomic_file import write_atomically
from common.errors import (
    LedgerCorruptedError,
    LedgerRolledBackError,
    LedgerUnavailableError,
)
from common.privacy.ledger import Ledger
from common.privacy.ledger_entries import LedgerHead

_FORMAT = "fedstill-ledger-heads-1"
_CONSEQUENCE = "Nothing is spent or released."


class LedgerHeadFile:
    """The second heads of a site; one file may serve several dataset ids.

    Every method raises LedgerUnavailableError where the file cannot be read or written,
    and LedgerCorruptedError where it holds something else.

    Args:
        path: on other storage than the ledger; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self, ledger: Ledger) -> None:
        """Checks that the ledger is not older than what is on record here.

        An empty ledger without a record is a new one, and goes on record.

        Raises:
            LedgerRolledBackError: the ledger is shorter, or another one.
            LedgerUnavailableError: there is no record of a ledger that has entries.
        """
        if self._recorded(ledger) is None:
            self._write(ledger.dataset_id, ledger.head())

    def advance(self, ledger: Ledger) -> None:
        """Records where the ledger ends now, once :meth:`check` holds."""
        recorded, head = self._recorded(ledger), ledger.head()
        if recorded != head:
            self._write(ledger.dataset_id, head)

    def remake(self, ledger: Ledger) -> None:
        """Records the ledger as it is, by the owner's explicit word.

        For a second head that was lost or is new. Whatever a rollback took from the
        ledger before is forgotten with it.
        """
        self._write(ledger.dataset_id, ledger.head(), is_new=not self._path.exists())

    def _recorded(self, ledger: Ledger) -> LedgerHead | None:
        """Returns what is on record, once the ledger fits it."""
        recorded = self._read(is_new=ledger.entry_count() == 0).get(ledger.dataset_id)
        name = f"ledger of dataset id {ledger.dataset_id!r}"
        if recorded is None:
            if ledger.entry_count() > 0:
                raise LedgerUnavailableError(
                    f"Second head {self._path} knows nothing of the {name}, which has "
                    f"{ledger.entry_count()} entries. {_CONSEQUENCE} Put the file "
                    "back, or make it again by your own word."
                )
            return None
        here = ledger.head_at(recorded.entries)
        if here is None:
            raise LedgerRolledBackError(
                f"The {name} was rolled back: by the second head {self._path} it had "
                f"{recorded.entries} entries, and it has {ledger.entry_count()}. "
                f"{_CONSEQUENCE} Put the newest copy back."
            )
        if here != recorded:
            raise LedgerRolledBackError(
                f"The {name} is another one than the second head {self._path} knows: "
                f"entry {recorded.entries} has another hash. {_CONSEQUENCE} Put the "
                "newest copy back."
            )
        return recorded

    def _read(self, *, is_new: bool) -> dict[str, LedgerHead]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            if is_new and self._path.parent.is_dir():
                return {}
            raise LedgerUnavailableError(
                f"Second head {self._path} is missing. {_CONSEQUENCE} Put the file "
                "back (is its storage there?), or make it again by your own word."
            ) from error
        except UnicodeDecodeError as error:
            raise self._corrupted() from error
        except OSError as error:
            raise self._unavailable("read", error) from error
        try:
            return _parse(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._corrupted() from error

    def _write(self, dataset_id: str, head: LedgerHead, *, is_new: bool = True) -> None:
        heads = self._read(is_new=is_new) | {dataset_id: head}
        content = {
            "format": _FORMAT,
            "heads": {
                name: {"entries": one.entries, "sha256": one.sha256}
                for name, one in heads.items()
            },
        }
        text = json.dumps(content, sort_keys=True, indent=1) + "\n"
        try:
            write_atomically(self._path, text.encode("ascii"))
        except OSError as error:
            raise self._unavailable("written", error) from error

    def _corrupted(self) -> LedgerCorruptedError:
        return LedgerCorruptedError(
            f"Second head {self._path} cannot be believed: it is no such file. "
            f"{_CONSEQUENCE} Put it back, or remove it and make it again by your own "
            "word."
        )

    def _unavailable(self, what: str, error: OSError) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            f"Second head {self._path} cannot be {what}: {error.strerror}. "
            f"{_CONSEQUENCE} Once it can, the same request succeeds."
        )


def _parse(content: Any) -> dict[str, LedgerHead]:  # noqa: ANN401 - JSON
    if content["format"] != _FORMAT:
        raise ValueError(f"Expected format={content['format']!r} to be {_FORMAT!r}.")
    return {
        name: LedgerHead(entries=one["entries"], sha256=one["sha256"])
        for name, one in content["heads"].items()
    }
