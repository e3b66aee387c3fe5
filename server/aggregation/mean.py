"""The mean of the sites' probabilities: the linear opinion pool.

Li & Wang (2019), "FedMD: Heterogenous Federated Learning via Model Distillation",
https://arxiv.org/abs/1910.03581, average class scores; we average probabilities, so
that a site's confidence is bounded: no site moves a probability by more than
1 / num_sites.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.aggregation.inputs import checked


def mean(log_probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns the logarithm of the sites' mean probabilities.

    Args:
        log_probabilities: [num_sites, num_examples, num_classes], natural logarithms;
            -inf is probability 0.

    Returns:
        float64 [num_examples, num_classes]; -inf where no site gives any probability.
    """
    wide = checked(log_probabilities)
    peak = wide.max(axis=0)
    # Where nobody gives any probability, -inf - -inf would be NaN.
    anchor = np.where(np.isneginf(peak), 0.0, peak)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(wide - anchor).sum(axis=0))
    return np.asarray(total + anchor - np.log(len(wide)), np.float64)
