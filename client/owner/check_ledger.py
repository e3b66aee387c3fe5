"""Whether the ledger can be believed and written; no row of it is written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from client.owner.open_site import OWNER_ONLY, open_store
from client.owner.policy_file import PolicyFile
from client.owner.private_file import PrivateFile
from client.owner.status import site_status
from client.owner.verification import has_second_head, verified
from client.storage.store import Store
from client.storage.store_lock import store_lock
from common.errors import LedgerCorruptedError, LedgerUnavailableError
from common.finding import Finding, fault, ok, warning

_SUBJECT = "ledger"
_RESTORE = (
    "Restore the newest copy, or ask what happened: `fedstill site ledger verify`."
)


def ledger_findings(
    policy: PolicyFile, loaded: PrivateFile | None, *, is_served: bool = False
) -> Iterator[Finding]:
    """Yields what there is to say about the state folder and the ledger in it.

    Args:
        policy: says where they are.
        loaded: compared with what the owner last agreed to; None if there are no data.
        is_served: whether the custodian is known to serve, and so to hold the ledger.
    """
    folder = Path(policy.folder)
    if not folder.exists():
        yield _place_finding(folder)
    else:
        yield from _folder_findings(folder)
    if policy.ledger.second_head:
        yield from _second_head_findings(Path(policy.ledger.second_head))
    if not policy.ledger_path.exists():
        yield _absence_finding(policy)
        return
    yield _lock_finding(policy.ledger_path, is_served=is_served)
    try:
        verified(policy)
        yield from _content_findings(policy, loaded)
    except LedgerUnavailableError as error:
        yield fault(_SUBJECT, str(error), f"Let the custodian read {folder}.")
    except LedgerCorruptedError as error:
        yield fault(_SUBJECT, str(error), _RESTORE)


def _place_finding(folder: Path) -> Finding:
    existing = next(one for one in folder.parents if one.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return fault(
            _SUBJECT,
            f"folder = {folder} cannot be made: {existing} cannot be written.",
            "Make it, and give it to the custodian's user.",
        )
    return ok(_SUBJECT, f"The state folder {folder} will be made, for its owner only.")


def _folder_findings(folder: Path) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        yield fault(
            _SUBJECT,
            f"The state folder {folder} cannot be written durably ({error.strerror}).",
            "Give it to the custodian's user, on a local disk with room.",
        )
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode != OWNER_ONLY:
        yield warning(
            _SUBJECT,
            f"The state folder {folder} has mode {mode:04o}.",
            f"chmod 0700 {folder}; the custodian does so when it starts.",
        )
    else:
        yield ok(_SUBJECT, f"The state folder {folder} can be written durably.")


def _absence_finding(policy: PolicyFile) -> Finding:
    if has_second_head(policy):
        return warning(
            _SUBJECT,
            f"There is none, and there is a second head {policy.ledger.second_head}: "
            f"if it knows {policy.dataset_id}, the custodian does not start.",
            _RESTORE,
        )
    return ok(_SUBJECT, "There is none yet: nothing was spent.")


def _lock_finding(path: Path, *, is_served: bool) -> Finding:
    try:
        with store_lock(path):
            return ok(_SUBJECT, "No custodian has it now.")
    except LedgerUnavailableError as error:
        if is_served:
            return ok(_SUBJECT, "The custodian that serves has it.")
        remedy = "Nothing, if it is yours that serves; a second one does not start."
        return warning(_SUBJECT, str(error), remedy)


def _content_findings(
    policy: PolicyFile, loaded: PrivateFile | None
) -> Iterator[Finding]:
    status = site_status(policy)
    text = (
        f"Its {status.entries} entries follow from one another; epsilon "
        f"{status.left:.4g} is left."
    )
    if status.left > 0:
        yield ok(_SUBJECT, text)
    else:
        remedy = "Runs are still digested and labelled; no private data are read."
        yield warning(_SUBJECT, text, remedy)
    store = open_store(policy, read_only=True)
    try:
        if loaded is not None and _has_changed(store, policy.dataset_id, loaded):
            yield fault(
                "data",
                "They are not those that you last agreed to, so every request would "
                "be refused.",
                "If they may differ: fedstill site data-changed.",
            )
    finally:
        store.close()


def _has_changed(store: Store, dataset_id: str, loaded: PrivateFile) -> bool:
    agreed = store.fingerprint(dataset_id)
    if agreed is None:
        return False
    key = store.fingerprint_key(dataset_id)
    return loaded.data.fingerprint(key) != agreed


def _second_head_findings(path: Path) -> Iterator[Finding]:
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        yield fault(
            _SUBJECT,
            f"[ledger] second-head: {path.parent} cannot be written.",
            "Mount the other storage, and give the folder to the custodian's user.",
        )
    else:
        yield ok(_SUBJECT, f"The second head is kept at {path}.")
