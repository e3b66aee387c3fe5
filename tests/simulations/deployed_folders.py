"""Run folders as a deployed run leaves them, in a second: real server, real sites."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from common.errors import QuorumMissedError
from common.run_folder import RunFolder
from simulations.engines.inline import Faults
from simulations.federation import run_federation
from tests.simulations.tiny import tiny_config

# Site 0 falls silent in round 4, site 1 is gone from round 6 on.
FAULTS = Faults(silent_from={0: 5}, gone_after={1: 7})


def make_deployed_folder(
    root: Path, *, faults: Faults | None = None, **changes
) -> RunFolder:
    """Returns the run folder of a run that ended, one way or another."""
    settings = {"round__deadline": 0.3, "round__quorum": 0.5, "rounds": 3, **changes}
    config = tiny_config(root, engine="flower", **settings)
    with suppress(QuorumMissedError):
        run_federation(config, faults=faults)
    return RunFolder(root)
