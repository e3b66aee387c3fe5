"""``fedstill site close-run``: a run that was abandoned lets go of its budget."""

from __future__ import annotations

from client.owner.open_site import open_site
from client.owner.policy_file import PolicyFile
from client.refusal import RequestRefusedError
from common.config.problems import shown
from common.errors import DataError


def close_run(policy_file: PolicyFile, run_id: str) -> None:
    """Closes a run, by the owner's word.

    Raises:
        DataError: the site never took part in it.
        LedgerUnavailableError: a custodian has the ledger.
        LedgerCorruptedError: the ledger cannot be believed.
    """
    with open_site(policy_file) as site:
        try:
            site.close_run(run_id)
        except RequestRefusedError as error:
            raise DataError(
                f"RUN = {shown(run_id)}: the site never took part in it, `fedstill "
                "site status` lists its runs. Nothing was closed."
            ) from error
