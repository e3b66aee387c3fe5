"""Codecs of soft labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.codec import (
    CODECS,
    FLOAT16,
    FLOAT32,
    LOGIT,
    codec_name,
    decode,
    empty_payload,
    encode,
)
from common.errors import InvalidReplyError
from common.packed_logits import LARGEST_GAP
from common.soft_labels import SoftLabels, log_softmax
from tests.strategies import soft_labels

NAMES = st.sampled_from(sorted(CODECS))
KEEP_LOGARITHMS = sorted(name for name in CODECS if name != "float16")
LOGIT8 = CODECS["logit-8"]
PACKED = ["logit-4", "logit-5", "logit-6", "logit-7", "logit-8"]


def decoded(payload, codec, *, num_classes=None, num_examples=None):
    rows = len(payload) if num_examples is None else num_examples
    return decode(
        payload,
        codec,
        num_classes=payload.shape[-1] if num_classes is None else num_classes,
        temperature=1.0,
        transfer_set_id="abc",
        indices=np.arange(rows, dtype=np.int32),
    )


def labels_of(logs):
    logs = np.asarray(logs, np.float32)
    return SoftLabels(
        log_probabilities=logs,
        temperature=1.0,
        transfer_set_id="abc",
        indices=np.arange(len(logs), dtype=np.int32),
    )


def returned(labels, codec):
    """What arrives of soft labels."""
    return decoded(
        encode(labels, codec),
        codec,
        num_classes=labels.num_classes,
        num_examples=len(labels),
    )


def test_every_codec_has_the_name_that_config_gives_it():
    """One string names codec and bits."""
    assert sorted(CODECS) == sorted(["float32", "float16", "logit", *PACKED])
    assert [codec.name for codec in CODECS.values()] == list(CODECS)
    assert codec_name("logit", 32) == "logit"
    assert [codec_name("logit", bits) for bits in range(4, 9)] == PACKED
    assert codec_name("float32", 8) == "float32"


@given(soft_labels(), NAMES)
def test_a_payload_has_the_shape_and_size_that_the_codec_says(labels, name):
    """Known from the plan alone, before anything arrives."""
    codec, sizes = CODECS[name], (len(labels), labels.num_classes)

    payload = encode(labels, codec)

    assert payload.dtype == codec.dtype
    assert payload.shape == codec.payload_shape(*sizes)
    assert payload.nbytes == codec.payload_bytes(*sizes)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("float32", 12_000),
        ("float16", 6_000),
        ("logit", 12_000),
        ("logit-8", 3_004),
        ("logit-6", 2_254),
        ("logit-4", 1_504),
    ],
)
def test_three_hundred_examples_of_ten_classes_cost(name, size):
    """In bytes."""
    assert CODECS[name].payload_bytes(300, 10) == size


@given(soft_labels(), NAMES, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order(labels, name, random):
    """What arrives of a row does not depend on where it stands."""
    order = list(range(len(labels)))
    random.shuffle(order)
    logs = labels.log_probabilities

    shuffled = returned(labels_of(logs[order]), CODECS[name])

    straight = returned(labels_of(logs), CODECS[name])
    np.testing.assert_array_equal(
        shuffled.log_probabilities, straight.log_probabilities[order]
    )


@pytest.mark.parametrize("codec", [FLOAT32, LOGIT])
@given(labels=soft_labels(largest_gap=60))
def test_four_bytes_keep_logarithms(labels, codec):
    """Log probabilities survive, down to e^-60, to float precision."""
    result = returned(labels, codec)

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
    labels = labels_of(log_softmax(np.array([[0.0, -43.0]])))

    half, full = returned(labels, FLOAT16), returned(labels, FLOAT32)

    assert half.log_probabilities[0, 1] == -np.inf
    assert full.log_probabilities[0, 1] == -43
    assert [codec.keeps_logarithms for codec in (FLOAT16, FLOAT32)] == [False, True]


@pytest.mark.parametrize("name", PACKED)
@given(labels=soft_labels(largest_gap=60))
def test_packed_logits_are_within_half_a_step(labels, name):
    """Up to a constant per row, which a softmax forgets."""
    logs = labels.log_probabilities.astype(np.float64)
    centred = logs - logs.mean(axis=1, keepdims=True)
    levels = 2 ** (int(name[-1]) - 1) - 1
    half = np.abs(centred).max(initial=0) / levels / 2

    result = returned(labels, CODECS[name])

    error = result.log_probabilities - logs
    spread = np.ptp(error, axis=1).max(initial=0)
    assert spread <= 2 * half * (1 + 1e-5) + 1e-4


@pytest.mark.parametrize("name", KEEP_LOGARITHMS)
def test_an_exact_zero_is_not_encoded(name):
    """A probability of exactly 0 has no finite logarithm and is refused."""
    labels = labels_of([[0.0, -np.inf]])

    with pytest.raises(InvalidReplyError, match="not finite"):
        encode(labels, CODECS[name])


@pytest.mark.parametrize("name", ["logit", *PACKED])
def test_a_class_that_nobody_gives_probability_stays_the_least(name):
    """A consensus has -3.4e38 there; it arrives as a gap that no float64 can show."""
    never = float(np.finfo(np.float32).min)
    labels = labels_of([[*np.log([0.75, 0.25]), never]])

    result = returned(labels, CODECS[name])

    gap = result.log_probabilities[0, 0] - result.log_probabilities[0, 2]
    levels = 2 ** (int(name[-1]) - 1) - 1 if name in PACKED else 2**20
    assert gap == pytest.approx(LARGEST_GAP, abs=LARGEST_GAP / levels)
    assert result.probabilities[0, 2] == 0


@pytest.mark.parametrize("name", sorted(CODECS))
def test_no_labels_have_a_payload(name):
    """No examples asked for, none decoded: the first consensus, and the finish."""
    codec = CODECS[name]
    nothing = empty_payload(codec, 10)

    assert nothing.dtype == codec.dtype
    assert nothing.shape == codec.payload_shape(0, 10)
    assert len(decoded(nothing, codec, num_classes=10, num_examples=0)) == 0
    np.testing.assert_array_equal(encode(labels_of(np.empty((0, 10))), codec), nothing)


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
        (uniform(np.float16), LOGIT, "has type float16, expected float32"),
        (uniform().T, LOGIT, "has shape (4, 3), expected (3, 4)"),
        (spoiled(np.nan), LOGIT, "has a NaN"),
        (spoiled(np.inf), LOGIT, "not finite"),
        (spoiled(-701), LOGIT, "has a logit of 701, expected at most 700 in size"),
        (spoiled(1e38), LOGIT, "has a logit of 1e+38, expected at most 700 in size"),
        (uniform(), LOGIT8, "has type float32, expected uint8"),
        (np.zeros(17, np.uint8), LOGIT8, "has shape (17,), expected (16,)"),
        (np.zeros(15, np.uint8), LOGIT8, "has shape (15,), expected (16,)"),
        (np.zeros((16, 1), np.uint8), LOGIT8, "has shape (16, 1), expected (16,)"),
        (np.zeros(0, np.uint8), LOGIT8, "has shape (0,), expected (16,)"),
        (np.zeros(16, np.uint8), LOGIT8, "has scale 0 and a code that is not 0"),
        (np.full(16, 255, np.uint8), LOGIT8, "has scale nan, expected it in"),
        (np.full(16, 70, np.uint8), LOGIT8, "has scale 12689.6, expected it in"),
    ],
)
def test_a_hostile_payload_is_refused_with_its_fault(payload, codec, message):
    """Whatever a stranger sends, decoding answers with one line and no warning."""
    with pytest.raises(InvalidReplyError) as caught:
        decoded(payload, codec, num_classes=4, num_examples=3)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
