"""Opens the site that a policy file describes, the only way to a deployed one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from client.owner.own_code import policy_model
from client.owner.policy_file import PolicyFile
from client.owner.policy_reading import CONSEQUENCE
from client.owner.private_file import load_private_file, num_classes
from client.policy import SitePolicy
from client.site import Site
from client.storage.ledger_head import LedgerHeadFile
from client.storage.store import Durability, Store
from client.storage.store_lock import store_lock
from client.storage.transfer_shelf import TransferShelf
from client.training.random_stream import OperatingSystemRandomness, Randomness
from common.config.problems import shown
from common.errors import ConfigError, DataError

OWNER_ONLY = 0o700
_OPERATING_SYSTEM = OperatingSystemRandomness()


@contextmanager
def open_site(
    policy_file: PolicyFile, *, randomness: Randomness = _OPERATING_SYSTEM
) -> Iterator[Site]:
    """Yields the site; nobody else can open it meanwhile.

    Private data are read and validated here, before any request.

    Args:
        policy_file: the owner's.
        randomness: of noise and Poisson samples. Only tests and simulations have
            another than the operating system's: nothing under ``client/`` can seed.

    Raises:
        ConfigError: a model, loader or file of the policy that cannot be used.
        DataError: private data or initial weights that cannot be used.
        LedgerUnavailableError: another custodian has the ledger, or it cannot be
            opened.
        LedgerCorruptedError: the ledger cannot be believed, or was set back.
    """
    _limit_threads()
    make_state_folder(policy_file)
    with store_lock(policy_file.ledger_path):
        policy = site_policy(policy_file)
        data = load_private_file(policy_file).data
        store = open_store(policy_file)
        try:
            head_file = second_head(policy_file)
            if head_file is not None:
                head_file.check(store.ledger(policy.dataset_id))
            yield Site(
                policy=policy,
                data=data,
                transfer_sets=TransferShelf.on_disk(policy_file.transfer_folder),
                store=store,
                randomness=randomness,
                watch=head_file,
            )
        finally:
            store.close()


def site_policy(policy_file: PolicyFile) -> SitePolicy:
    """Returns the policy in a file, with its own model and initial weights.

    Raises:
        ConfigError: a model that cannot be imported, weights that cannot be read.
        DataError: a schema that cannot be read.
    """
    return policy_file.policy(
        num_classes=num_classes(policy_file),
        model=policy_model(policy_file.model.name, folder=policy_file.path.parent),
        initial_weights=_initial_weights(policy_file.model.initial_weights),
    )


def open_store(policy_file: PolicyFile, *, read_only: bool = False) -> Store:
    """Returns the store of a site, durable against a power cut.

    Raises:
        LedgerUnavailableError: the file cannot be opened.
        LedgerCorruptedError: the file is no ledger.
    """
    return Store(
        policy_file.ledger_path, durability=Durability.FULL, read_only=read_only
    )


def second_head(policy_file: PolicyFile) -> LedgerHeadFile | None:
    """Returns the ledger's second head on other storage, if the owner keeps one."""
    path = policy_file.ledger.second_head
    return LedgerHeadFile(Path(path)) if path else None


def make_state_folder(policy_file: PolicyFile) -> Path:
    """Makes the folder of the site's state one of its owner only, and returns it.

    Raises:
        ConfigError: it cannot be made, or belongs to somebody else.
    """
    folder = Path(policy_file.folder)
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        folder.chmod(OWNER_ONLY)  # one that was there already
    except OSError as error:
        raise ConfigError(
            f"folder = {shown(str(folder))}: cannot be made a folder that only its "
            f"owner can enter ({error.strerror}), must be one that the custodian's "
            f"user {os.geteuid()} owns. {CONSEQUENCE}"
        ) from error
    return folder


def _initial_weights(path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is no name of a file"
        raise DataError(
            f"[model] initial-weights = {shown(path)}: cannot be read ({reason}). "
            f"{CONSEQUENCE}"
        ) from error


def _limit_threads() -> None:
    """One thread where nobody chose: sums come out alike on every machine."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
