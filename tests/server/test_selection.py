"""What a round asks for: a seeded draw that a resumed run repeats."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.selection import select_indices

once = settings(derandomize=True, deadline=None, max_examples=50)


@once
@given(
    sizes=st.integers(1, 50).flatmap(
        lambda size: st.tuples(st.just(size), st.integers(1, size))
    ),
    run_seed=st.integers(0, 2**63 - 1),
    round_number=st.integers(1, 1000),
)
def test_indices_are_distinct_sorted_and_inside(
    sizes: tuple[int, int], run_seed: int, round_number: int
) -> None:
    """A round asks for per_round different examples of the transfer set."""
    size, per_round = sizes

    indices = select_indices(
        run_seed=run_seed,
        round_number=round_number,
        transfer_size=size,
        per_round=per_round,
    )

    assert indices.dtype == np.int32
    assert len(indices) == per_round
    assert (np.diff(indices) > 0).all()
    assert 0 <= indices[0] <= indices[-1] < size


def test_indices_depend_on_seed_and_round_alone() -> None:
    """The same round of the same run asks for the same examples."""

    def indices(run_seed: int, round_number: int) -> bytes:
        chosen = select_indices(
            run_seed=run_seed,
            round_number=round_number,
            transfer_size=100,
            per_round=20,
        )
        return chosen.tobytes()

    assert indices(1, 1) == indices(1, 1)
    assert indices(1, 1) != indices(1, 2)
    assert indices(1, 1) != indices(2, 1)


@pytest.mark.parametrize("per_round", [0, 11])
def test_refuses_more_examples_than_there_are(per_round: int) -> None:
    """The message names the bound."""
    with pytest.raises(
        ValueError, match=re.escape(f"per_round={per_round} in [1, 10]")
    ):
        select_indices(
            run_seed=1, round_number=1, transfer_size=10, per_round=per_round
        )
