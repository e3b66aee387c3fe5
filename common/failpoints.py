"""Named points at which a test can kill the process, to prove that nothing is lost.

``FEDSTILL_FAILPOINT=site.after-reserve:3`` kills the process with SIGKILL the third
time that it reaches the point, as a power cut would. Unset, a failpoint costs one
dictionary look-up. The list is closed, so that a test can visit every one of them.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "FEDSTILL_FAILPOINT"

# What a whole simulation passes, and every time that it resumes.
IN_SIMULATIONS = (
    "site.after-reserve",
    "site.mid-step",
    "site.before-commit",
    "site.after-commit",
    "site.after-send",
    "server.mid-aggregate",
    "server.before-checkpoint-rename",
    "server.after-checkpoint-rename",
    "server.mid-metrics-line",
)
# What a custodian passes from the first hello to the finish.
IN_CUSTODIANS = (
    "site.hello-before-commit",
    "site.hello-mid-commit",
    "site.hello-after-commit",
    "site.after-digest",
    "site.after-reserve",
    "site.mid-step",
    "site.after-revisit",
    "site.before-commit",
    "site.mid-commit",
    "site.after-commit",
    "site.before-second-head",
    "site.after-second-head",
    "transfer.mid-spool",
    "transfer.before-rename",
    "transfer.after-rename",
    "custodian.after-request",
    "custodian.before-reply",
    "custodian.mid-reply",
    "custodian.after-reply",
)
NAMES = tuple(dict.fromkeys(IN_SIMULATIONS + IN_CUSTODIANS))

_visits: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Kills the process if the environment names this point and visit.

    Args:
        name: one of :data:`NAMES`.

    Raises:
        ValueError: ``name`` is not in :data:`NAMES`.
    """
    if name not in NAMES:
        raise ValueError(f"Expected failpoint name={name!r} to be one of {NAMES}.")
    armed = os.environ.get(VARIABLE)
    if armed is None:
        return
    target, _, visit = armed.partition(":")
    if target != name:
        return
    _visits[name] = _visits.get(name, 0) + 1
    if _visits[name] == int(visit or "1"):
        os.kill(os.getpid(), signal.SIGKILL)
