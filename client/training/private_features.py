"""Private data seen through public features; computed once, when first read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from client.private_data import PrivateData

Featurise = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class PrivateFeatures:
    """The features and labels of a site's private data.

    Nothing is read before the first call of :meth:`rows`, which a round reaches only
    after its charge. The features of a row depend on that row alone.

    Args:
        data: the private data.
        featurise: from inputs [num_examples, ...] to features of unit norm.
    """

    def __init__(self, data: PrivateData, featurise: Featurise) -> None:
        self._data = data
        self._featurise = featurise
        self._read: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self._data)

    def rows(
        self, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Returns features and labels of some rows; faulty ones are left out.

        Args:
            indices: int64 [num_asked].

        Returns:
            float32 [num_usable, dimension] and int64 [num_usable].
        """
        if self._read is None:
            inputs, labels = self._data.rows(np.arange(len(self._data)))
            self._read = self._featurise(inputs), labels
        features, labels = self._read
        is_usable = self._data.is_usable()
        position = np.cumsum(is_usable) - 1
        kept = position[indices[is_usable[indices]]]
        return features[kept], labels[kept]
