"""Row-centred logits in 4 to 8 bits each: one scale, then the codes, bit by bit.

A softmax forgets a constant per row, so a row is centred before it is rounded and no
code is spent on it. The codes are symmetric about 0 (Gholami et al. 2021, "A survey of
quantization methods for efficient neural network inference", section III-B): with
``b`` bits a code is in ``[-levels, levels]``, ``levels = 2^(b-1) - 1``, and stands for
``code * step``. The payload is ``step`` as a little-endian float32, then every code
plus ``levels``, row by row, ``b`` bits each with the highest first, then zeros up to a
whole byte. Rounding is to the nearest, halves to the even code: no randomness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.errors import InvalidReplyError

# e^-700 is about the least that float64 still holds in full: what is further below the
# largest of its row cannot be told from a probability of 0 by anybody.
LARGEST_GAP = 700.0
HEADER_BYTES = 4
_BITS_OF_A_BYTE = 8


def centred(logs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns every row minus its mean, gaps cut at :data:`LARGEST_GAP`.

    Args:
        logs: log probabilities [num_examples, num_classes], finite.
    """
    wide = np.asarray(logs, np.float64)
    cut = np.maximum(wide, wide.max(axis=1, keepdims=True) - LARGEST_GAP)
    return np.asarray(cut - cut.mean(axis=1, keepdims=True), np.float64)


def packed_bytes(num_entries: int, *, bits: int) -> int:
    """Returns the size of a payload of that many codes, header included, in bytes."""
    return HEADER_BYTES + -(-num_entries * bits // _BITS_OF_A_BYTE)


def pack(logits: NDArray[np.float64], *, bits: int) -> NDArray[np.uint8]:
    """Returns the payload of row-centred logits, uint8 [packed_bytes].

    Args:
        logits: [num_examples, num_classes], none beyond :data:`LARGEST_GAP`.
        bits: of a code.
    """
    levels = _levels(bits)
    step = np.float32(_step(logits, bits))
    codes = np.rint(logits / np.float64(step)) if step else np.zeros_like(logits)
    # The step was rounded to float32, so the largest may have come out one too high.
    offset = np.clip(codes, -levels, levels) + levels
    header = np.frombuffer(step.astype("<f4").tobytes(), np.uint8)
    return np.concatenate([header, _to_bits(offset.astype(np.uint8).ravel(), bits)])


def rounding_variance(logits: NDArray[np.float64], *, bits: int) -> float:
    """Returns the mean square of what rounding adds to an entry, step^2 / 12.

    Args:
        logits: row-centred [num_examples, num_classes], before or after rounding: the
            largest is the same.
        bits: of a code.
    """
    return _step(logits, bits) ** 2 / 12


def unpack(
    payload: NDArray[np.uint8], shape: tuple[int, int], *, bits: int
) -> NDArray[np.float64]:
    """Returns the logits in a payload that may come from anybody.

    Args:
        payload: uint8 [packed_bytes].
        shape: (num_examples, num_classes).
        bits: of a code.

    Raises:
        InvalidReplyError: a scale that no finite logits give, a code that is never
            sent, or something behind the last code.
    """
    levels = _levels(bits)
    (step,) = np.frombuffer(payload[:HEADER_BYTES].tobytes(), "<f4").astype(np.float64)
    if not 0 <= step * levels <= LARGEST_GAP:
        raise InvalidReplyError(
            f"The payload has scale {step:g}, expected it in "
            f"[0, {LARGEST_GAP / levels:g}]."
        )
    offset = _from_bits(payload[HEADER_BYTES:], shape[0] * shape[1], bits)
    codes = offset.astype(np.int64) - levels
    if (codes > levels).any():
        raise InvalidReplyError(
            f"The payload has code {codes.max()}, expected it in [-{levels}, {levels}]."
        )
    if not step and codes.any():
        raise InvalidReplyError("The payload has scale 0 and a code that is not 0.")
    return np.asarray(codes * step, np.float64).reshape(shape)


def _levels(bits: int) -> int:
    return int(2 ** (bits - 1)) - 1


def _step(logits: NDArray[np.float64], bits: int) -> float:
    return float(np.abs(logits).max(initial=0.0) / _levels(bits))


def _to_bits(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    spread = np.unpackbits(codes[:, None], axis=1)[:, _BITS_OF_A_BYTE - bits :]
    return np.packbits(spread.ravel())


def _from_bits(content: NDArray[np.uint8], count: int, bits: int) -> NDArray[np.uint8]:
    spread = np.unpackbits(content)
    if spread[count * bits :].any():
        raise InvalidReplyError("The payload has something behind its last code.")
    codes = np.packbits(spread[: count * bits].reshape(count, bits), axis=1)
    return codes.ravel() >> np.uint8(_BITS_OF_A_BYTE - bits)
