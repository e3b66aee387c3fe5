"""Entropy reduction aggregation (ERA).

Itahara, Nishio, Koda, Morikura & Yamamoto (2020), "Distillation-Based Semi-Supervised
Federated Learning for Communication-Efficient Collaborative Training with Non-IID
Private Data", https://arxiv.org/abs/2008.06180: softmax(p / T) of the mean
*probabilities* p, T = 0.1 in the paper. We differ in nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common import checks
from common.soft_labels import log_softmax
from server.aggregation.mean import mean


def era(
    log_probabilities: NDArray[np.floating], *, temperature: float
) -> NDArray[np.float64]:
    """Returns log softmax(p / T), p the sites' mean probabilities.

    Args:
        log_probabilities: [num_sites, num_examples, num_classes], natural logarithms.
        temperature: T > 0, dimensionless; small T sharpens.

    Returns:
        float64 [num_examples, num_classes], finite.

    Raises:
        ValueError: ``temperature`` is not > 0.
    """
    checks.positive(temperature=temperature)
    return log_softmax(np.exp(mean(log_probabilities)) / temperature)
