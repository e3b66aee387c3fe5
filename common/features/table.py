"""Coordinates of rows seen before: a simulation asks about the same rows many times."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from common.features.basis import FeatureBasis
from common.features.batches import featurise

MOST_ROWS = 120_000  # remembered; 250 MB at 512 dimensions
_DIGEST_BYTES = 16


class CoordinateTable:
    """A memo of a basis' coordinates, row by row, in this process' memory only.

    Args:
        basis: that computes what is missing.
    """

    def __init__(self, basis: FeatureBasis) -> None:
        self.basis = basis
        self._positions: dict[bytes, int] = {}
        self._rows = np.empty((0, basis.dimension), np.float32)

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns coordinates, float32 [num_examples, dimension].

        The same bytes as the basis itself, however rows are put together.

        Args:
            inputs: float32 [num_examples, *input_shape].
        """
        rows = np.ascontiguousarray(inputs, np.float32)
        keys = [
            hashlib.blake2b(row.tobytes(), digest_size=_DIGEST_BYTES).digest()
            for row in rows
        ]
        if len(self._positions.keys() | set(keys)) > MOST_ROWS:
            self._positions.clear()  # starting again is simpler than choosing
        first = {key: place for place, key in enumerate(keys)}
        missing = [key for key in first if key not in self._positions]
        if missing or not keys:
            self._remember(missing, rows[[first[key] for key in missing]])
        return self._rows[[self._positions[key] for key in keys]]

    def _remember(self, keys: list[bytes], inputs: NDArray[np.float32]) -> None:
        known = len(self._positions)
        needed = known + len(keys)
        if needed > len(self._rows):
            # Twice as much: growing by a little each time would copy all each time.
            grown = np.empty((max(needed, 2 * known), self.basis.dimension), np.float32)
            grown[:known] = self._rows[:known]
            self._rows = grown
        self._rows[known:needed] = featurise(self.basis, inputs)
        self._positions.update(zip(keys, range(known, needed), strict=True))
