"""Which transfer examples a round asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.arrays import read_only
from common.seeds import numpy_generator


def select_indices(
    *, run_seed: int, round_number: int, transfer_size: int, per_round: int
) -> NDArray[np.int32]:
    """Returns the examples of a round: drawn without replacement, sorted.

    Args:
        run_seed: the run's public seed.
        round_number: counted from 1.
        transfer_size: number of examples in the transfer set.
        per_round: how many to draw.

    Returns:
        int32 [per_round], ascending, read-only; a function of its arguments alone.

    Raises:
        ValueError: ``per_round`` outside [1, transfer_size].
    """
    if not 1 <= per_round <= transfer_size:
        raise ValueError(f"Expected per_round={per_round} in [1, {transfer_size}].")
    generator = numpy_generator(
        run_seed, "transfer-selection", round_number=round_number
    )
    chosen = generator.choice(transfer_size, size=per_round, replace=False)
    return read_only(np.sort(chosen), np.int32)
