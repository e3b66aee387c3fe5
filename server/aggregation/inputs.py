"""What every consensus rule may count on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AXES = 3


def checked(log_probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns the sites' log probabilities as float64, once they can be aggregated.

    Args:
        log_probabilities: [num_sites, num_examples, num_classes], natural logarithms.

    Raises:
        ValueError: other axes, no sites, or a NaN or positive infinity.
    """
    wide = np.asarray(log_probabilities, np.float64)
    if wide.ndim != AXES or len(wide) == 0:
        raise ValueError(
            "Expected log probabilities of shape [num_sites, num_examples, "
            f"num_classes] with at least one site, got {wide.shape}."
        )
    if np.isnan(wide).any() or np.isposinf(wide).any():
        raise ValueError("Expected log probabilities without NaN or infinity.")
    return wide
