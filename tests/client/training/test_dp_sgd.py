"""DP-SGD: right noise, right divisor, right samples; vanilla SGD without noise."""

import dataclasses

import numpy as np
import pytest
import torch

from client.private_data import PrivateData
from client.training.dp_sgd import PrivateSteps, revisit
from client.training.random_stream import KEY_BYTES, RandomStream
from common.losses import hard_cross_entropy
from common.models.zoo import ZOO, build_model
from tests.statistics import (
    P_THRESHOLD,
    correlation_p_value,
    poisson_sampling_p_value,
    scale_p_value,
)

DETECTABLE = 0.05
SHAPE = (1, 8, 8)
SETTINGS = PrivateSteps(
    steps=1,
    sampling_probability=0.5,
    expected_batch_size=10.0,
    clipping_norm=0.5,
    noise_multiplier=2.0,
    learning_rate=0.3,
)


def make_stream(number=1):
    return RandomStream(bytes([number]) * KEY_BYTES)


def make_data(num_examples=20, seed=0):
    generator = np.random.default_rng(seed)
    return PrivateData(
        inputs=generator.random((num_examples, *SHAPE), np.float32),
        labels=generator.integers(0, 10, num_examples),
        num_classes=10,
    )


def make_data_without_gradients(num_examples=20, shape=SHAPE):
    """Every row fails validation, so every gradient counts as zero."""
    return PrivateData(
        inputs=np.full((num_examples, *shape), np.nan, np.float32),
        labels=np.zeros(num_examples, np.int64),
        num_classes=10,
    )


def make_model(name="mlp", shape=SHAPE):
    return build_model(name, input_shape=shape, num_classes=10, seed=3)


def flat(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()


def change(settings, *, data=None, stream=None, name="mlp", shape=SHAPE, **options):
    """Returns what a revisit adds to the weights."""
    model = make_model(name, shape)
    before = flat(model)
    revisit(model, data or make_data(), settings, stream or make_stream(), **options)
    return flat(model) - before


def with_(**values):
    return dataclasses.replace(SETTINGS, **values)


@pytest.mark.statistical
@pytest.mark.parametrize("steps", [1, 4])
def test_noise_of_the_weights_change_has_the_promised_scale(steps):
    """With zero gradients: lr * noise * C / B a step, and 5% off is rejected."""
    shape = (1, 28, 28)
    settings = with_(steps=steps)
    expected = steps**0.5 * 0.3 * 2.0 * 0.5 / 10.0

    samples = change(
        settings, data=make_data_without_gradients(shape=shape), shape=shape
    )

    sample_size = len(samples)
    assert sample_size == 25_450
    assert scale_p_value(samples, expected) > P_THRESHOLD, (
        "Rule 6: the noise is not noise multiplier x clipping norm."
    )
    assert scale_p_value(samples, (1 - DETECTABLE) * expected) < P_THRESHOLD
    assert scale_p_value(samples, (1 + DETECTABLE) * expected) < P_THRESHOLD


def test_sensitivity_is_derived_from_the_clipping_norm():
    """One example moves the clipped sum by at most C, so noise scales with C."""
    assert SETTINGS.sensitivity() == SETTINGS.clipping_norm, (
        "Rule 6: the sensitivity is not the clipping norm."
    )
    assert with_(clipping_norm=3.0).noise_standard_deviation() == 6.0, (
        "Rule 6: the noise does not grow with the sensitivity."
    )


def test_empty_batch_takes_a_noisy_step():
    """A sample of nobody still changes every weight, for convolutions too."""
    settings = with_(sampling_probability=1e-12)

    for name in ("mlp", "cnn"):
        assert (change(settings, name=name) != 0).all(), (
            "Rule 2: an empty batch took no noisy step."
        )


@pytest.mark.parametrize("name", sorted(ZOO))
def test_no_noise_and_a_huge_clip_is_vanilla_sgd(name):
    """On full batches the weights are those of plain SGD on the mean loss."""
    data = make_data()
    settings = PrivateSteps(
        steps=3,
        sampling_probability=1.0,
        expected_batch_size=len(data),
        clipping_norm=1e6,
        noise_multiplier=0.0,
        learning_rate=0.3,
    )
    reference = make_model(name)
    before = flat(reference)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.3)
    inputs, labels = map(torch.tensor, data.rows(np.arange(len(data))))
    for _ in range(3):
        optimizer.zero_grad()
        hard_cross_entropy(reference(inputs), labels).mean().backward()
        optimizer.step()

    found = change(settings, data=data, name=name)

    expected = flat(reference) - before
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_microbatches_give_the_same_result(name):
    """Rows at a time bound memory and change nothing."""
    settings = with_(steps=2, sampling_probability=0.8)

    whole = change(settings, name=name, microbatch_size=1000)
    parts = change(settings, name=name, microbatch_size=3)

    assert np.linalg.norm(whole - parts) < 1e-5 * np.linalg.norm(whole)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_expected_batch_size_divides_and_not_the_realised_one(name):
    """Twice the rows move the weights twice as far at the same expected size."""
    few = make_data(8)
    twice = PrivateData(
        inputs=np.concatenate([few.inputs, few.inputs]),
        labels=np.concatenate([few.labels, few.labels]),
        num_classes=10,
    )
    settings = with_(sampling_probability=1.0, noise_multiplier=0.0)

    found = change(settings, data=twice, name=name)

    expected = 2 * change(settings, data=few, name=name)
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected), (
        "Rule 3: something else than the expected batch size divides."
    )


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_one_hostile_row_moves_the_weights_by_a_bounded_amount(name):
    """Without noise, a row of 1e6 moves the weights by at most lr * C / B."""
    clean = make_data()
    inputs = clean.inputs.copy()
    inputs[5] = 1e6
    hostile = PrivateData(inputs=inputs, labels=clean.labels, num_classes=10)
    settings = with_(sampling_probability=1.0, noise_multiplier=0.0)

    moved = change(settings, data=hostile, name=name) - change(
        settings, data=clean, name=name
    )

    # Replacing a row takes one out and puts one in.
    assert np.linalg.norm(moved) <= 2 * 0.3 * 0.5 / 10.0 * (1 + 1e-4), (
        "Rule 6: a row moves the weights by more than the sensitivity."
    )


class _Spy:
    """Stands in for private data and remembers who was asked for."""

    def __init__(self, data):
        self._data = data
        self.steps = []

    def __len__(self):
        return len(self._data)

    def rows(self, indices):
        self.steps.append(np.isin(np.arange(len(self)), indices))
        return self._data.rows(indices)


@pytest.mark.statistical
def test_batches_are_poisson_samples():
    """Batch sizes are binomial and the appearances of an example independent."""
    spy = _Spy(make_data(60))
    settings = with_(steps=400, sampling_probability=0.3)

    change(settings, data=spy, name="linear")

    appearances = np.array(spy.steps)
    assert appearances.shape == (400, 60)
    assert poisson_sampling_p_value(appearances, 0.3) > P_THRESHOLD, (
        "Rule 2: batches are not Poisson samples."
    )


def test_nobody_asks_for_rows_when_the_sample_is_empty():
    """An empty sample reads no private row."""
    spy = _Spy(make_data())

    change(with_(sampling_probability=1e-12), data=spy)

    assert spy.steps == []


def test_noise_of_two_steps_is_uncorrelated():
    """Two steps of one stream, and steps of two streams, share no noise."""
    data = make_data_without_gradients(shape=(1, 28, 28))
    both = change(with_(steps=2), data=data, shape=(1, 28, 28))
    first = change(with_(steps=1), data=data, shape=(1, 28, 28))
    other = change(SETTINGS, data=data, shape=(1, 28, 28), stream=make_stream(2))

    assert correlation_p_value(first, both - first) > P_THRESHOLD, (
        "Rule 10: two steps share noise."
    )
    assert correlation_p_value(first, other) > P_THRESHOLD, (
        "Rule 10: two streams share noise."
    )


def test_same_stream_gives_the_same_weights():
    """A seeded simulation repeats bit by bit."""
    settings = with_(steps=3)

    assert (change(settings) == change(settings)).all()


def test_no_global_generator_is_touched():
    """Private training neither reads nor moves torch's global generator."""
    before = torch.random.get_rng_state()

    first = change(SETTINGS)
    torch.manual_seed(123)
    second = change(SETTINGS)

    torch.random.set_rng_state(before)
    assert (first == second).all(), "Rule 10: noise comes from torch's generator."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("sampling_probability", 0.0),
        ("sampling_probability", 1.5),
        ("expected_batch_size", 0.0),
        ("clipping_norm", 0.0),
        ("clipping_norm", -1.0),
        ("clipping_norm", float("inf")),
        ("noise_multiplier", -0.1),
        ("noise_multiplier", float("nan")),
        ("learning_rate", 0.0),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    """Settings check themselves and name what is wrong."""
    with pytest.raises(ValueError, match=f"Expected {name}={value}"):
        with_(**{name: value})
