"""The environment of everything that Fedstill starts: quiet, offline, one thread."""

from __future__ import annotations

import os
from types import MappingProxyType

# A privacy product neither phones home nor installs things while it runs; Flower and
# Ray read these when they are imported or started. One OpenMP thread is the fastest
# for small students and makes sums come out alike on machines with more cores.
QUIET = MappingProxyType(
    {
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }
)


def quiet_environment() -> None:
    """Sets :data:`QUIET` where the user has not set a value; child processes inherit.

    To be called before torch, Flower or Ray are imported: they look only once.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
