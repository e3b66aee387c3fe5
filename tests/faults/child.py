"""One custodian, as ``fedstill site serve`` runs it, with seeded randomness."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from client.custodian.request_log import RequestLog
from client.custodian.server import serve
from client.owner.open_site import open_site
from client.owner.policy_endpoint import policy_endpoint
from client.owner.policy_file import load_policy_file
from common import failpoints
from simulations.seeded_randomness import SeededRandomness
from tests.faults.hooks import Hooks
from tests.faults.place import policy_of

# What a first request would import, and what this module does not.
_LATER = ("torch._dynamo", "opacus", "opacus.validators", "dp_accounting.pld")


def imports() -> None:
    """Imports what a custodian needs, so that its forks have it."""
    for name in _LATER:
        importlib.import_module(name)


def serve_custodian(
    *,
    place: str,
    seed: int,
    failpoint: str | None,
    hooks: dict[str, Any],
    on_ready: Callable[[], object],
) -> int:
    """Serves until the process is told to stop; returns its exit code.

    Args:
        place: the site's folder.
        seed: of noise and samples.
        failpoint: where the process kills itself, or None.
        hooks: what else goes wrong.
        on_ready: called once requests are answered.
    """
    if failpoint is not None:
        os.environ[failpoints.VARIABLE] = failpoint
    Hooks(**hooks).install()
    policy_file = load_policy_file(policy_of(Path(place)))
    randomness = SeededRandomness(run_seed=seed, site_name=policy_file.site_name)
    with (
        open_site(policy_file, randomness=randomness) as site,
        serve(site, policy_endpoint(policy_file), log=RequestLog()) as running,
    ):
        on_ready()
        running.wait()
    return 0
