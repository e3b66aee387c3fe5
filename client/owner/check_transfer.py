"""Whether the approved transfer sets are here, and fit."""

from __future__ import annotations

from collections.abc import Iterator

from client.owner.policy_file import PolicyFile
from client.owner.private_file import PrivateFile
from client.storage.transfer_shelf import TransferShelf
from common.finding import Finding, fault, ok

_SUBJECT = "transfer set"
_SHOWN = 12  # digits of a content id


def transfer_findings(
    policy: PolicyFile, loaded: PrivateFile | None
) -> Iterator[Finding]:
    """Yields where each approved transfer set is.

    Args:
        policy: approves them by content id.
        loaded: for the shape of an example; None if there are no data.
    """
    has_folder = policy.transfer_folder.is_dir()
    shelf = TransferShelf.on_disk(policy.transfer_folder) if has_folder else None
    for content_id in policy.limits.transfer_sets or ():
        name = f"{content_id[:_SHOWN]}..."
        found = None if shelf is None else shelf.find(content_id)
        if found is None:
            text = f"{name} is not here yet: the server delivers it at the first hello."
            yield ok(_SUBJECT, text)
            continue
        shape = found.inputs.shape[1:]
        if loaded is not None and shape != loaded.data.input_shape:
            yield fault(
                _SUBJECT,
                f"{name} has examples of shape {shape}, the private ones "
                f"{loaded.data.input_shape}.",
                "Ask for a transfer set of the same shape.",
            )
        else:
            yield ok(_SUBJECT, f"{name} is here: {len(found)} examples.")
