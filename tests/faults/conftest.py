"""One warm process for all faults, and what an undisturbed run would have said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.faults.dialogue import PLANS, whole_run
from tests.faults.drive import Undisturbed, ending_of, play
from tests.faults.place import new_place
from tests.faults.processes import CustodianProcess, Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Forks custodians."""
    with Zygote() as started:
        yield started


@pytest.fixture(scope="session")
def undisturbed(zygote: Zygote) -> Callable[[str, int], Undisturbed]:
    """Returns a function from mechanism and seed to the run without faults."""

    @cache
    def run(mechanism: str, seed: int) -> Undisturbed:
        plan = PLANS[mechanism]()
        with new_place() as place:
            custodian = CustodianProcess(zygote, place, seed=seed)
            custodian.start()
            seen = play(custodian, whole_run(plan))
            custodian.kill()
            return Undisturbed(plan=plan, ending=ending_of(custodian), seen=seen)

    return run


@pytest.fixture
def place() -> Iterator[Path]:
    """A site's folder."""
    with new_place() as made:
        yield made


@pytest.fixture
def custodian(zygote: Zygote, place: Path) -> Iterator[CustodianProcess]:
    """A custodian with seed 0 that is not running yet, and is not at the end."""
    process = CustodianProcess(zygote, place, seed=0)
    yield process
    process.kill()
