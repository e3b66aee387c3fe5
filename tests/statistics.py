"""Tests of distributions, with their own p-values; see test_statistics.py for proof.

A test that uses them names SAMPLE_SIZE, P_THRESHOLD and DETECTABLE: it must accept the
right scale and reject (1 - d) and (1 + d) of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

P_THRESHOLD = 1e-4


def scale_p_value(samples: NDArray[np.floating], standard_deviation: float) -> float:
    """Returns the two-sided p-value of centred normals having this deviation.

    Args:
        samples: independent, of any shape.
        standard_deviation: under the hypothesis, > 0.
    """
    flat = np.asarray(samples, np.float64).ravel() / standard_deviation
    return _two_sided(float((flat**2).sum()), len(flat))


def normal_p_value(samples: NDArray[np.floating]) -> float:
    """Returns the Kolmogorov-Smirnov p-value of independent standard normals."""
    result = stats.kstest(np.asarray(samples, np.float64).ravel(), "norm")
    return float(result.pvalue)


def correlation_p_value(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> float:
    """Returns the two-sided p-value of two samples being uncorrelated."""
    result = stats.pearsonr(np.ravel(first), np.ravel(second))
    return float(result.pvalue)


def binomial_p_value(
    counts: NDArray[np.integer], *, num_trials: int, probability: float
) -> float:
    """Returns the smaller p-value, doubled, of mean and spread of binomial counts.

    Args:
        counts: independent counts under the hypothesis.
        num_trials: of each count.
        probability: of success, in (0, 1).
    """
    variance = num_trials * probability * (1 - probability)
    deviations = np.asarray(counts, np.float64) - num_trials * probability
    z = deviations.sum() / np.sqrt(len(counts) * variance)
    mean_p_value = 2 * float(stats.norm.sf(abs(z)))
    spread_p_value = _two_sided(float((deviations**2).sum() / variance), len(counts))
    return min(1.0, 2 * min(mean_p_value, spread_p_value))


def poisson_sampling_p_value(
    appearances: NDArray[np.bool_], probability: float
) -> float:
    """Returns the p-value of every example being sampled independently every step.

    Looks at batch sizes, at appearances of each example, and at examples that appear
    in two steps running; the smallest of the three, times three.

    Args:
        appearances: bool [num_steps, num_examples].
        probability: sampling probability, in (0, 1).
    """
    num_steps, num_examples = appearances.shape
    sizes = appearances.sum(axis=1)
    per_example = appearances.sum(axis=0)
    p_values = [
        binomial_p_value(sizes, num_trials=num_examples, probability=probability),
        binomial_p_value(per_example, num_trials=num_steps, probability=probability),
        _lag_one_p_value(appearances, probability),
    ]
    return min(1.0, len(p_values) * min(p_values))


def _lag_one_p_value(appearances: NDArray[np.bool_], probability: float) -> float:
    """Tests the number of examples that appear in consecutive steps."""
    num_pairs = len(appearances) - 1
    num_examples = appearances.shape[1]
    twice = float((appearances[1:] & appearances[:-1]).sum())
    q = probability
    variance = num_pairs * (q**2 - q**4) + 2 * (num_pairs - 1) * (q**3 - q**4)
    z = (twice - num_examples * num_pairs * q**2) / np.sqrt(num_examples * variance)
    return 2 * float(stats.norm.sf(abs(z)))


def _two_sided(chi_square: float, degrees: int) -> float:
    return 2 * float(
        min(stats.chi2.cdf(chi_square, degrees), stats.chi2.sf(chi_square, degrees))
    )
