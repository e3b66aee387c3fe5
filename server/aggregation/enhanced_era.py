"""Enhanced entropy reduction aggregation: power sharpening.

Azuma et al. (2025), "Soft-Label Caching and Sharpening for Communication-Efficient
Federated Distillation" (SCARLET), https://arxiv.org/abs/2504.19602:
p^b / sum p^b of the mean probabilities p. Power 1 is the mean itself, and the rule
does not depend on the scale of p. We differ in working on logarithms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common import checks
from common.soft_labels import log_softmax
from server.aggregation.mean import mean


def enhanced_era(
    log_probabilities: NDArray[np.floating], *, power: float
) -> NDArray[np.float64]:
    """Returns the logarithm of the sites' mean probabilities to a power, normalised.

    Args:
        log_probabilities: [num_sites, num_examples, num_classes], natural logarithms.
        power: > 0, dimensionless; above 1 sharpens.

    Returns:
        float64 [num_examples, num_classes]; -inf where no site gives any probability.

    Raises:
        ValueError: ``power`` is not > 0.
    """
    checks.positive(power=power)
    return log_softmax(power * mean(log_probabilities))
