"""Arrays inside frozen values: contiguous, of a stated type, and read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def read_only(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Returns a C-contiguous view or copy of ``array`` that cannot be written to.

    Args:
        array: any shape.
        dtype: type of the result.
    """
    result = np.array(array, dtype=dtype, order="C", copy=True)
    result.setflags(write=False)
    return result
