"""What only the custodian's user may see: policy, transfer sets, ledger and budget."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from common.doctor.access import ROOT, own_name, owner_name
from common.doctor.disk import disk_finding
from common.doctor.error_line import one_line
from common.errors import ConfigError
from common.finding import Finding, fault, ok, warning

_REMEDY = (
    "As the custodian's user, such as fedstill-site: fedstill doctor BUNDLE --policy "
    "FILE; and fedstill site check for the data."
)


def policy_findings(path: Path | None, *, is_served: bool) -> Iterator[Finding]:
    """Yields what there is to say about the custodian's own things.

    Args:
        path: of the policy; None leaves all of it out.
        is_served: whether a custodian answers at the bundle's door.
    """
    if path is None:
        yield warning("policy", "Ledger and budget were not looked at.", _REMEDY)
        return
    owner = owner_name(path)
    # A policy of another user is believed by that user alone, even where root reads it.
    is_foreign = owner not in (None, ROOT, own_name())
    if owner is not None and (is_foreign or not os.access(path, os.R_OK)):
        yield _for_another("policy", path, owner)
        return
    # Imported here: it takes a second.
    from client.owner.policy_file import load_policy_file  # noqa: PLC0415

    try:
        policy = load_policy_file(path)
    except ConfigError as error:
        yield fault("policy", one_line(error), _REMEDY)
        return
    yield ok("policy", f"{policy.site_name} keeps {policy.dataset_id}.")
    folder = Path(policy.folder)
    custodian = owner_name(folder)
    if custodian not in (None, own_name()):
        # Not even by root: a lock file of root's would shut the custodian out.
        yield _for_another("ledger", folder, custodian or ROOT)
        return
    # Imported here: they take a second.
    from client.owner.check_ledger import ledger_findings  # noqa: PLC0415
    from client.owner.check_transfer import transfer_findings  # noqa: PLC0415

    yield from transfer_findings(policy, None)
    yield from ledger_findings(policy, None, is_served=is_served)
    if folder.is_dir():
        yield disk_finding(folder, user=own_name())


def _for_another(subject: str, path: Path, user: str) -> Finding:
    return warning(
        subject,
        f"{path} belongs to {user}; ledger and budget were not looked at by "
        f"{own_name()}.",
        f"sudo -u {user} fedstill doctor BUNDLE --policy FILE",
    )
