"""Codecs of soft labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.codec import CODECS, FLOAT16, FLOAT32, decode, encode
from common.errors import InvalidReplyError
from common.soft_labels import SoftLabels, log_softmax
from tests.strategies import soft_labels


def decoded(payload, codec, *, num_classes=None, num_examples=None):
    return decode(
        payload,
        codec,
        num_classes=num_classes or payload.shape[-1],
        temperature=1.0,
        transfer_set_id="abc",
        indices=np.arange(num_examples or len(payload), dtype=np.int32),
    )


@given(soft_labels(), st.sampled_from(sorted(CODECS)))
def test_payload_costs_what_the_codec_says(labels, name):
    """A payload takes the stated bytes for each example and class."""
    codec = CODECS[name]

    payload = encode(labels, codec)

    assert payload.nbytes == len(labels) * labels.num_classes * codec.bytes_per_entry
    assert payload.dtype == codec.dtype


@given(soft_labels(largest_gap=60))
def test_float32_round_trip_keeps_logarithms(labels):
    """Log probabilities survive, down to e^-60, to float precision."""
    result = decoded(encode(labels, FLOAT32), FLOAT32)

    np.testing.assert_allclose(
        result.log_probabilities, labels.log_probabilities, atol=2e-5, rtol=1e-6
    )


@given(soft_labels())
def test_float16_round_trip_is_within_its_tolerance(labels):
    """Probabilities survive to 11 bits, and rows are renormalised."""
    result = decoded(encode(labels, FLOAT16), FLOAT16)

    np.testing.assert_allclose(
        result.probabilities, labels.probabilities, atol=1e-6, rtol=2e-3
    )
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, atol=1e-6)


def test_float16_rows_of_a_thousand_classes_pass_their_own_check():
    """What the codec's own rounding does to many classes is within its tolerance."""
    logits = np.random.default_rng(1).normal(scale=3, size=(50, 1000))
    labels = SoftLabels(
        log_probabilities=log_softmax(logits).astype(np.float32),
        temperature=1.0,
        transfer_set_id="abc",
        indices=np.arange(50, dtype=np.int32),
    )

    assert len(decoded(encode(labels, FLOAT16), FLOAT16)) == 50


def test_float16_loses_a_small_probability_and_float32_does_not():
    """A logit gap of 43, seen at epsilon 1, is why the pool forbids float16."""
    logs = log_softmax(np.array([[0.0, -43.0]])).astype(np.float32)
    labels = SoftLabels(
        log_probabilities=logs,
        temperature=1.0,
        transfer_set_id="abc",
        indices=np.array([0], np.int32),
    )

    half = decoded(encode(labels, FLOAT16), FLOAT16)
    full = decoded(encode(labels, FLOAT32), FLOAT32)

    assert half.log_probabilities[0, 1] == -np.inf
    assert full.log_probabilities[0, 1] == -43
    assert [codec.keeps_logarithms for codec in (FLOAT16, FLOAT32)] == [False, True]


def test_float32_does_not_encode_an_exact_zero():
    """A probability of exactly 0 has no finite logarithm and is refused."""
    labels = SoftLabels(
        log_probabilities=np.array([[0.0, -np.inf]], np.float32),
        temperature=1.0,
        transfer_set_id="abc",
        indices=np.array([0], np.int32),
    )

    with pytest.raises(InvalidReplyError, match="not finite"):
        encode(labels, FLOAT32)


def test_an_empty_payload_decodes_to_no_labels():
    """No examples asked for, none decoded."""
    assert len(decoded(np.zeros((0, 10), np.float32), FLOAT32)) == 0


def uniform(dtype=np.float32):
    logs = np.log(np.full((3, 4), 0.25))
    return (np.exp(logs) if dtype == np.float16 else logs).astype(dtype)


def spoiled(value, dtype=np.float32):
    payload = uniform(dtype)
    payload[1, 2] = value
    return payload


@pytest.mark.parametrize(
    ("payload", "codec", "message"),
    [
        (uniform(np.float16), FLOAT32, "has type float16, expected float32"),
        (uniform(np.float64), FLOAT32, "has type float64, expected float32"),
        (uniform().astype(">f4"), FLOAT32, "has type >f4, expected float32"),
        (np.array([["a"]], object), FLOAT32, "has type object"),
        (uniform().T, FLOAT32, "has shape (4, 3), expected (3, 4)"),
        (uniform()[0], FLOAT32, "has shape (4,), expected (3, 4)"),
        (uniform()[..., None], FLOAT32, "has shape (3, 4, 1), expected (3, 4)"),
        (spoiled(np.nan), FLOAT32, "has a NaN"),
        (spoiled(np.nan, np.float16), FLOAT16, "has a NaN"),
        (spoiled(np.inf), FLOAT32, "not finite"),
        (spoiled(-np.inf), FLOAT32, "not finite"),
        (spoiled(1e38), FLOAT32, "sum to 1 within inf only"),
        (spoiled(0.0), FLOAT32, "sum to 1 within 0.75 only"),
        (spoiled(-0.1, np.float16), FLOAT16, "has a negative probability"),
        (spoiled(np.inf, np.float16), FLOAT16, "sum to 1 within inf only"),
        (spoiled(0.5, np.float16), FLOAT16, "codec float16 allows 0.004"),
        (np.zeros((3, 4), np.float16), FLOAT16, "sum to 1 within 1 only"),
    ],
)
def test_a_hostile_payload_is_refused_with_its_fault(payload, codec, message):
    """Whatever a stranger sends, decoding answers with one line and no warning."""
    with pytest.raises(InvalidReplyError) as caught:
        decoded(payload, codec, num_classes=4, num_examples=3)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
