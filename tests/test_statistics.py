"""The statistical helpers accept the right sampler and reject wrong ones."""

import numpy as np
import pytest

from tests.statistics import (
    P_THRESHOLD,
    binomial_p_value,
    correlation_p_value,
    normal_p_value,
    poisson_sampling_p_value,
    scale_p_value,
)

SAMPLE_SIZE = 20_000
DETECTABLE = 0.05
STEPS, EXAMPLES, PROBABILITY = 400, 200, 0.2

pytestmark = pytest.mark.statistical


@pytest.fixture
def generator():
    return np.random.default_rng(7)


def test_scale_check_accepts_the_right_scale(generator):
    """Normals of the stated deviation pass."""
    samples = 3.0 * generator.standard_normal(SAMPLE_SIZE)

    assert scale_p_value(samples, 3.0) > P_THRESHOLD


@pytest.mark.parametrize("factor", [1 - DETECTABLE, 1 + DETECTABLE, 0.5, 2.0, 0.0])
def test_scale_check_rejects_a_wrong_scale(generator, factor):
    """Normals whose deviation is off by the detectable share, or by more, fail."""
    samples = 3.0 * factor * generator.standard_normal(SAMPLE_SIZE)

    assert scale_p_value(samples, 3.0) < P_THRESHOLD


def test_normal_check_tells_normals_from_uniforms(generator):
    """Normals pass; uniforms of the same mean and variance fail."""
    normals = generator.standard_normal(SAMPLE_SIZE)
    uniforms = generator.uniform(-np.sqrt(3), np.sqrt(3), SAMPLE_SIZE)

    assert normal_p_value(normals) > P_THRESHOLD
    assert normal_p_value(uniforms) < P_THRESHOLD


def test_correlation_check_rejects_shared_noise(generator):
    """Independent samples pass; samples that share a tenth of variance fail."""
    first, second = generator.standard_normal((2, SAMPLE_SIZE))

    assert correlation_p_value(first, second) > P_THRESHOLD
    assert correlation_p_value(first, 0.3 * first + second) < P_THRESHOLD


def test_binomial_check_rejects_fixed_and_overdispersed_counts(generator):
    """Binomial counts pass; constant ones and ones of twice the variance fail."""
    right = generator.binomial(EXAMPLES, PROBABILITY, STEPS)
    fixed = np.full(STEPS, int(EXAMPLES * PROBABILITY))
    wide = 2 * generator.binomial(EXAMPLES // 2, PROBABILITY, STEPS)

    def p_value(counts):
        return binomial_p_value(counts, num_trials=EXAMPLES, probability=PROBABILITY)

    assert p_value(right) > P_THRESHOLD
    assert p_value(fixed) < P_THRESHOLD
    assert p_value(wide) < P_THRESHOLD


def test_poisson_check_accepts_poisson_sampling(generator):
    """Independent draws of every example in every step pass."""
    appearances = generator.random((STEPS, EXAMPLES)) < PROBABILITY

    assert poisson_sampling_p_value(appearances, PROBABILITY) > P_THRESHOLD


def _shuffled_epochs(generator):
    batches_per_epoch = round(1 / PROBABILITY)
    rows = []
    for _ in range(STEPS // batches_per_epoch):
        order = generator.permutation(EXAMPLES).reshape(batches_per_epoch, -1)
        rows.extend(np.isin(np.arange(EXAMPLES), batch) for batch in order)
    return np.array(rows)


def _fixed_size(generator):
    size = int(EXAMPLES * PROBABILITY)
    return np.array(
        [
            np.isin(np.arange(EXAMPLES), generator.permutation(EXAMPLES)[:size])
            for _ in range(STEPS)
        ]
    )


def _wrong_probability(generator):
    return generator.random((STEPS, EXAMPLES)) < PROBABILITY * (1 + DETECTABLE)


def _repeated_batches(generator):
    return np.repeat(generator.random((STEPS // 2, EXAMPLES)) < PROBABILITY, 2, axis=0)


@pytest.mark.parametrize(
    "sampler", [_shuffled_epochs, _fixed_size, _wrong_probability, _repeated_batches]
)
def test_poisson_check_rejects_other_samplers(generator, sampler):
    """Shuffling, fixed sizes, a wrong rate and repeated batches all fail."""
    assert poisson_sampling_p_value(sampler(generator), PROBABILITY) < P_THRESHOLD
