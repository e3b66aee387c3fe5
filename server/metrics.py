"""``metrics.jsonl``: one line of JSON a round, appended as it happens.

The checkpoint holds the lines of all finished rounds, and a resumed run writes the
file anew from them: a half-written or repeated line cannot outlive a crash.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from common.atomic_file import write_atomically
from common.failpoints import failpoint
from server.round_state import RoundResult


def metrics_line(result: RoundResult) -> str:
    """Returns a round as one line of JSON, without line end.

    An infinite epsilon (no guarantee) is written as null, which JSON knows.
    """
    epsilon = result.privacy.epsilon
    return json.dumps(
        {
            "round": result.round_number,
            "cohort": len(result.cohort),
            "accepted": len(result.accepted),
            "rejected": len(result.rejections),
            "silent": len(result.silent),
            "rejections": [
                {"site": rejection.site_name, "reason": rejection.label}
                for rejection in result.rejections
            ],
            "absences": [
                {"site": absence.site_name, "reason": absence.reason.value}
                for absence in result.absences
            ],
            "turned_away": [
                {"site": rejection.site_name, "reason": rejection.label}
                for rejection in result.turned_away
            ],
            "exhausted": len(result.exhausted),
            "global_student": {
                "test_accuracy": result.test_accuracy,
                "validation_accuracy": result.validation_accuracy,
            },
            "privacy": {
                "epsilon": None if math.isinf(epsilon) else epsilon,
                "delta": result.privacy.delta,
            },
            "bytes": result.traffic.to_dict(),
            "seconds": round(result.seconds, 3),
        },
        allow_nan=False,
    )


def append_line(path: Path, line: str) -> None:
    """Appends one line and makes it durable."""
    content = f"{line}\n".encode()
    middle = len(content) // 2
    with path.open("ab") as file:
        file.write(content[:middle])
        file.flush()
        failpoint("server.mid-metrics-line")
        file.write(content[middle:])
        file.flush()
        os.fsync(file.fileno())


def rewrite(path: Path, lines: Sequence[str]) -> None:
    """Replaces the file by exactly these lines."""
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
