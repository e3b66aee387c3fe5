"""The named steps of a custodian, and how often a whole run reaches each."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

import pytest

from common.failpoints import IN_CUSTODIANS
from tests.faults.dialogue import PLANS, ROUNDS

CHUNKS = 3
ATTEMPTS = 10
_PER_ROUND = ("site.after-reserve", "site.after-revisit")
_PER_RELEASE = (
    "site.after-digest",
    "site.before-commit",
    "site.mid-commit",
    "site.after-commit",
)
_ONCE = (
    "site.hello-before-commit",
    "site.hello-mid-commit",
    "site.hello-after-commit",
    "transfer.before-rename",
    "transfer.after-rename",
)
_PER_REQUEST = (
    "site.before-second-head",
    "site.after-second-head",
    "custodian.after-request",
    "custodian.before-reply",
    "custodian.mid-reply",
    "custodian.after-reply",
)
REQUESTS = 2 + CHUNKS + ROUNDS + 1  # two hellos and a finish

VISITS = MappingProxyType(
    {
        **dict.fromkeys(_ONCE, 1),
        **dict.fromkeys(_PER_ROUND, ROUNDS),
        **dict.fromkeys(_PER_RELEASE, ROUNDS + 1),
        **dict.fromkeys(_PER_REQUEST, REQUESTS),
        "transfer.mid-spool": CHUNKS,
        "site.mid-step": ROUNDS,  # and more where a round has more steps
    }
)


NO_CUSTODIAN_STEPS = tuple(one for one in VISITS if not one.startswith("custodian."))


def with_mechanisms(values: Iterable[object]) -> list[object]:
    """Returns each value with each mechanism; the short form has one of the two.

    Args:
        values: what a test is parametrised by.
    """
    return [
        pytest.param(
            value, mechanism, marks=() if number == position % 2 else pytest.mark.long
        )
        for position, value in enumerate(values)
        for number, mechanism in enumerate(PLANS)
    ]


def kill_at(step: str, attempt: int) -> str:
    """Returns what arms a step: another visit in each attempt, while there are some.

    Args:
        step: one of :data:`VISITS`.
        attempt: from 0.
    """
    return f"{step}:{1 + attempt % VISITS[step]}"


def unvisited() -> set[str]:
    """Returns the steps that exist and have no count here, or the other way round."""
    return set(IN_CUSTODIANS) ^ VISITS.keys()
