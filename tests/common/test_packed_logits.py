"""Row-centred logits in a few bits each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from common.errors import InvalidReplyError
from common.packed_logits import LARGEST_GAP, centred, pack, packed_bytes, unpack

BITS = st.sampled_from([4, 5, 6, 7, 8])
SHAPES = st.tuples(st.integers(0, 7), st.integers(2, 11))


def logits(largest=60.0):
    """Row-centred logits [num_examples, num_classes]."""
    rows = SHAPES.flatmap(
        lambda shape: arrays.arrays(
            np.float64, shape, elements=st.floats(-largest, largest, width=32)
        )
    )
    return rows.map(centred)


def payload_of(scale, codes, bits):
    """A payload written bit by bit, independently of the module."""
    text = "".join(format(code, f"0{bits}b") for code in codes)
    text += "0" * (-len(text) % 8)
    body = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
    header = np.array(scale, "<f4").tobytes()
    return np.frombuffer(header + body, np.uint8)


@given(logits(), BITS)
def test_a_round_trip_is_within_half_a_step(rows, bits):
    """And a step is the largest of all entries over the number of levels."""
    step = np.abs(rows).max(initial=0) / (2 ** (bits - 1) - 1)

    result = unpack(pack(rows, bits=bits), rows.shape, bits=bits)

    assert result.shape == rows.shape
    assert np.abs(result - rows).max(initial=0) <= step / 2 * (1 + 1e-5)


@given(logits(), BITS)
def test_what_is_on_the_grid_already_stays(rows, bits):
    """Packing what was unpacked gives the same bytes: no drift from hop to hop."""
    first = pack(rows, bits=bits)

    again = pack(unpack(first, rows.shape, bits=bits), bits=bits)

    assert again.tobytes() == first.tobytes()


@given(logits(), BITS)
def test_a_payload_is_dense(rows, bits):
    """Four bytes of scale, then no more bits than the codes take, rounded up."""
    size = 4 + (rows.size * bits + 7) // 8

    assert pack(rows, bits=bits).shape == (size,)
    assert packed_bytes(rows.size, bits=bits) == size


@given(logits(), BITS, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order(rows, bits, random):
    """A row's codes do not depend on where it stands."""
    order = list(range(len(rows)))
    random.shuffle(order)

    shuffled = unpack(pack(rows[order], bits=bits), rows.shape, bits=bits)

    straight = unpack(pack(rows, bits=bits), rows.shape, bits=bits)
    np.testing.assert_array_equal(shuffled, straight[order])


@pytest.mark.parametrize("bits", [4, 5, 8])
def test_the_layout_is_the_documented_one(bits):
    """Scale first, then codes plus levels, row by row, the highest bit first."""
    levels = 2 ** (bits - 1) - 1
    rows = np.array([[levels, -levels, 0], [1, -3, 2]]) * 0.5

    content = pack(rows, bits=bits)

    codes = [2 * levels, 0, levels, levels + 1, levels - 3, levels + 2]
    np.testing.assert_array_equal(content, payload_of(0.5, codes, bits))


def test_halves_are_rounded_to_the_even_code():
    """Rounding is deterministic."""
    rows = np.array([[127, 0.5, 1.5, -0.5, -1.5]])

    result = unpack(pack(rows, bits=8), rows.shape, bits=8)

    np.testing.assert_array_equal(result, [[127, 0, 2, 0, -2]])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("size", [0.0, 1e-46, 1e-40])
def test_rows_that_are_all_but_flat_pack(bits, size):
    """A scale that float32 cannot hold is 0, and every code is then 0."""
    rows = np.array([[size, -size]])

    result = unpack(pack(rows, bits=bits), rows.shape, bits=bits)

    assert np.abs(result - rows).max() <= 1e-45 + size / 2


@given(logits(largest=30.0))
def test_centred_rows_have_mean_0_and_lose_no_difference(rows):
    """A constant per row is all that goes."""
    moved = rows + np.arange(len(rows))[:, None]

    np.testing.assert_allclose(centred(moved), rows, atol=1e-12)


def test_a_gap_beyond_the_largest_is_cut():
    """What no float64 probability can show costs no more of the scale than that."""
    rows = centred(np.array([[0.0, -1.0, float(np.finfo(np.float32).min)]]))

    np.testing.assert_allclose(rows[0, 0] - rows[0], [0, 1, LARGEST_GAP])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf, -1.0, 1e38, 101.0])
def test_a_scale_that_nobody_sends_is_refused(bits, scale):
    """Not finite, negative, or beyond the largest gap."""
    levels = 2 ** (bits - 1) - 1

    with pytest.raises(InvalidReplyError, match="has scale"):
        unpack(payload_of(scale, [levels] * 4, bits), (2, 2), bits=bits)


@pytest.mark.parametrize("bits", [4, 5, 6, 7, 8])
def test_a_code_that_nobody_sends_is_refused(bits):
    """The codes are symmetric, so the one with all bits set is not used."""
    levels = 2 ** (bits - 1) - 1
    content = payload_of(1.0, [levels, 2 * levels + 1], bits)

    with pytest.raises(InvalidReplyError, match=rf"code {levels + 1}, expected it in"):
        unpack(content, (1, 2), bits=bits)


def test_codes_without_a_scale_are_refused():
    """A scale of 0 says that every row is flat."""
    with pytest.raises(InvalidReplyError, match="has scale 0 and a code that is not 0"):
        unpack(payload_of(0.0, [7, 8], 4), (1, 2), bits=4)


def test_bits_behind_the_last_code_are_refused():
    """One set of logits has one payload; nothing can be hidden in the padding."""
    content = payload_of(1.0, [7, 7, 7], 4).copy()
    content[-1] |= 1

    with pytest.raises(InvalidReplyError, match="something behind its last code"):
        unpack(content, (1, 3), bits=4)
