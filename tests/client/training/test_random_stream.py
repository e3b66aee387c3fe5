"""The keyed stream: right distributions, and nobody else holds the key."""

import dataclasses

import numpy as np
import pytest

from client.training.random_stream import (
    KEY_BYTES,
    OperatingSystemRandomness,
    RandomStream,
)
from simulations.seeded_randomness import SeededRandomness
from tests.statistics import (
    P_THRESHOLD,
    correlation_p_value,
    normal_p_value,
    poisson_sampling_p_value,
    scale_p_value,
)

SAMPLE_SIZE = 100_000
DETECTABLE = 0.05


def make_stream(number=1):
    return RandomStream(bytes([number]) * KEY_BYTES)


def test_same_key_gives_same_draws():
    """Two streams of one key agree draw by draw, whatever the mix of draws."""
    first, second = make_stream(), make_stream()

    for _ in range(2):
        assert (first.normal((3, 5)) == second.normal((3, 5))).all()
        assert (first.poisson_sample(50, 0.3) == second.poisson_sample(50, 0.3)).all()


def test_other_key_gives_other_draws():
    """Another key gives unrelated normals."""
    p_value = correlation_p_value(
        make_stream(1).normal(SAMPLE_SIZE), make_stream(2).normal(SAMPLE_SIZE)
    )

    assert p_value > P_THRESHOLD


def test_short_key_is_refused():
    """A key of another length is refused with both lengths named."""
    with pytest.raises(ValueError, match=r"^Expected a key of 32 bytes, got 16\.$"):
        RandomStream(bytes(16))


@pytest.mark.statistical
def test_normals_are_standard_normals():
    """Scale and shape are right, and scales 5% off are told apart."""
    samples = make_stream().normal(SAMPLE_SIZE)

    assert samples.dtype == np.float32
    assert normal_p_value(samples) > P_THRESHOLD
    assert scale_p_value(samples, 1.0) > P_THRESHOLD
    assert scale_p_value(samples * (1 - DETECTABLE), 1.0) < P_THRESHOLD
    assert scale_p_value(samples * (1 + DETECTABLE), 1.0) < P_THRESHOLD


@pytest.mark.statistical
def test_cosines_and_sines_of_a_block_are_uncorrelated():
    """The two halves of a Box-Muller block carry no linear trace of each other."""
    samples = make_stream().normal(SAMPLE_SIZE // 2)

    half = len(samples) // 2
    assert correlation_p_value(samples[:half], samples[half:]) > P_THRESHOLD
    assert correlation_p_value(samples[:half] ** 2, samples[half:] ** 2) > P_THRESHOLD


class _ConstantBits(RandomStream):
    """A stream whose bits are all zeros or all ones."""

    def __init__(self, byte):
        super().__init__(bytes(KEY_BYTES))
        self._byte = byte

    def _bytes(self, count):
        return bytes([self._byte]) * count


@pytest.mark.parametrize(("byte", "largest"), [(0x00, 9.27), (0xFF, 0.0)])
def test_normals_are_finite_at_the_ends_of_the_bits(byte, largest):
    """All-zero bits give the far tail, all-one bits zero, and never infinity."""
    samples = _ConstantBits(byte).normal(2)

    assert np.abs(samples).max() == pytest.approx(largest, abs=0.01)


@pytest.mark.parametrize("count", [0, 1, 2, 65_535, 65_536, 65_537, 131_073])
def test_normals_of_every_length(count):
    """Lengths around the block size and odd ones come out whole and distinct."""
    samples = make_stream().normal(count)

    assert samples.shape == (count,)
    assert len(np.unique(samples)) >= 0.98 * count


@pytest.mark.statistical
def test_samples_are_poisson():
    """Batch sizes are binomial and appearances independent."""
    stream = make_stream()
    num_steps, num_examples, probability = 400, 200, 0.2

    appearances = np.array(
        [
            np.isin(
                np.arange(num_examples),
                stream.poisson_sample(num_examples, probability),
            )
            for _ in range(num_steps)
        ]
    )

    assert poisson_sampling_p_value(appearances, probability) > P_THRESHOLD


def test_sampling_ends():
    """Probability one takes everything, zero nothing, and no example is fine too."""
    stream = make_stream()

    assert (stream.poisson_sample(10, 1.0) == np.arange(10)).all()
    assert len(stream.poisson_sample(10, 0.0)) == 0
    assert len(stream.poisson_sample(0, 0.5)) == 0


def test_sampling_probability_above_one_is_refused():
    """A probability that is none is refused."""
    with pytest.raises(ValueError, match=r"^Expected sampling_probability=1.5 in"):
        make_stream().poisson_sample(10, 1.5)


def test_permutation_orders_everything_once():
    """A permutation holds each index once and differs from the next."""
    stream = make_stream()

    first, second = stream.permutation(100), stream.permutation(100)

    assert (np.sort(first) == np.arange(100)).all()
    assert (first != second).any()


def test_operating_system_randomness_cannot_be_seeded():
    """It has no field to set, and equal arguments never give equal draws."""
    randomness = OperatingSystemRandomness()

    first = randomness.stream("run", 1).normal(64)
    second = randomness.stream("run", 1).normal(64)

    assert dataclasses.fields(randomness) == ()
    assert (first != second).any()


def test_seeded_randomness_repeats_and_separates():
    """Equal seed, site and round give equal draws; changing any one does not."""

    def draws(run_seed=1, site_name="site-00", round_number=1, run_id="run"):
        randomness = SeededRandomness(run_seed=run_seed, site_name=site_name)
        return randomness.stream(run_id, round_number).normal(64)

    assert (draws() == draws()).all()
    assert (draws() == draws(run_id="another")).all()
    assert (draws() != draws(run_seed=2)).any()
    assert (draws() != draws(site_name="site-01")).any()
    assert (draws() != draws(round_number=2)).any()


def test_printing_seeded_randomness_hides_the_seed():
    """The seed of the noise does not end up in a log."""
    assert "4711" not in repr(SeededRandomness(run_seed=4711, site_name="site-00"))
