"""The log-opinion pool: the normalised geometric mean of soft labels.

Genest & Zidek (1986), "Combining Probability Distributions: A Critique and an
Annotated Bibliography", https://doi.org/10.1214/ss/1177013825, with equal weights.
It is the mean of the sites' logits, computed on logarithms alone: a probability that
had underflowed to 0 would veto its class for everybody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.soft_labels import log_softmax
from server.aggregation.inputs import checked


def log_opinion_pool(log_probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns log softmax of the sites' mean log probabilities.

    Args:
        log_probabilities: [num_sites, num_examples, num_classes], natural logarithms,
            all finite.

    Returns:
        float64 [num_examples, num_classes], finite.

    Raises:
        ValueError: a probability of exactly 0.
    """
    wide = checked(log_probabilities)
    if np.isneginf(wide).any():
        raise ValueError(
            "Expected finite log probabilities: a probability of exactly 0 would veto "
            "its class for every site."
        )
    return log_softmax(wide.mean(axis=0))
