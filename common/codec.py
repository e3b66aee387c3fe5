"""Codecs: how soft labels become bytes of a message, and back.

==============  ==================================  ==================================
name            an entry                            for
==============  ==================================  ==================================
``float32``     log probability, 4 bytes            everything; loses nothing
``float16``     probability, 2 bytes                rules on probabilities only
``logit``       row-centred logarithm, 4 bytes      additive heads; loses nothing
``logit-b``     the same in b bits, 4 <= b <= 8     fewest bytes; a scale a payload
==============  ==================================  ==================================

What is below 6e-8 becomes an exact 0 in ``float16``, so that codec is refused beside
the log-opinion pool, where one such zero would veto a class for everybody.

Decoding checks a payload from an untrusted sender and renormalises it within the
codec's stated tolerance; :class:`~common.soft_labels.SoftLabels` is built after that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from common.errors import InvalidReplyError
from common.packed_logits import (
    LARGEST_GAP,
    centred,
    pack,
    packed_bytes,
    rounding_variance,
    unpack,
)
from common.soft_labels import SoftLabels, log_softmax

LogProbabilities = NDArray[np.float32]
Shape = tuple[int, ...]

FLOAT_BITS = 32  # of an entry where ``logit`` is not packed
PACKED_BITS = (4, 5, 6, 7, 8)


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A reversible encoding of soft labels.

    Attributes:
        name: the name in run plan and messages, bits included.
        dtype: type of a payload entry.
        tolerance: how far a row's sum may be off 1 after the encoding; None where the
            payload holds logits, which no sum can check.
        keeps_logarithms: whether small probabilities survive as logarithms.
        bits: of an entry that is rounded to even steps; :data:`FLOAT_BITS` where the
            payload holds floating-point numbers.
        payload_shape: (num_examples, num_classes) to the payload's shape.
        to_payload: log probabilities [num_examples, num_classes] to payload.
        to_log_probabilities: a payload of the right type and shape, and (num_examples,
            num_classes), to the inverse, up to a constant per row.
    """

    name: str
    dtype: DTypeLike
    tolerance: float | None
    keeps_logarithms: bool
    bits: int
    payload_shape: Callable[[int, int], Shape]
    to_payload: Callable[[LogProbabilities], NDArray[Any]]
    to_log_probabilities: Callable[[NDArray[Any], tuple[int, int]], NDArray[np.float64]]

    def payload_bytes(self, num_examples: int, num_classes: int) -> int:
        """Returns the size of a payload in bytes."""
        shape = self.payload_shape(num_examples, num_classes)
        return math.prod(shape) * np.dtype(self.dtype).itemsize

    def rounding_variance(self, logits: NDArray[np.float64]) -> float:
        """Returns the mean square of what the codec adds to an entry by rounding.

        Args:
            logits: row-centred [num_examples, num_classes].
        """
        if self.bits == FLOAT_BITS:
            return 0.0
        return rounding_variance(logits, bits=self.bits)


def _an_entry_each(num_examples: int, num_classes: int) -> Shape:
    return (num_examples, num_classes)


def _log(payload: NDArray[Any], _: tuple[int, int]) -> NDArray[np.float64]:
    wide = np.asarray(payload, np.float64)
    if (wide < 0).any():
        raise InvalidReplyError("The payload has a negative probability.")
    with np.errstate(divide="ignore"):
        return np.log(wide)


def _finite_logarithms(
    payload: NDArray[Any], _: tuple[int, int]
) -> NDArray[np.float64]:
    if not np.isfinite(payload).all():
        raise InvalidReplyError("The payload has a log probability that is not finite.")
    return np.asarray(payload, np.float64)


def _bounded_logits(
    payload: NDArray[Any], shape: tuple[int, int]
) -> NDArray[np.float64]:
    wide = _finite_logarithms(payload, shape)
    if (np.abs(wide) > LARGEST_GAP).any():
        raise InvalidReplyError(
            f"The payload has a logit of {np.abs(wide).max():g}, expected at most "
            f"{LARGEST_GAP:g} in size."
        )
    return wide


def _packed(bits: int) -> Codec:
    return Codec(
        name=codec_name("logit", bits),
        dtype=np.uint8,
        tolerance=None,
        keeps_logarithms=True,
        bits=bits,
        payload_shape=lambda rows, classes: (packed_bytes(rows * classes, bits=bits),),
        to_payload=lambda logs: pack(centred(logs), bits=bits),
        to_log_probabilities=partial(unpack, bits=bits),
    )


def codec_name(name: str, bits: int) -> str:
    """Returns the one name of a codec and its bits: ``logit-8``, ``float32``.

    Args:
        name: the codec's name in config.
        bits: of an entry of ``logit``: one of :data:`PACKED_BITS`, or
            :data:`FLOAT_BITS` for float32. Other codecs have no choice.
    """
    return f"{name}-{bits}" if name == "logit" and bits != FLOAT_BITS else name


FLOAT32 = Codec(
    name="float32",
    dtype=np.float32,
    tolerance=1e-4,
    keeps_logarithms=True,
    bits=FLOAT_BITS,
    payload_shape=_an_entry_each,
    to_payload=lambda logs: np.ascontiguousarray(logs, np.float32),
    to_log_probabilities=_finite_logarithms,
)
# Ten rounded probabilities of about 0.1 were seen 4e-4 off in sum; classes add up.
FLOAT16 = Codec(
    name="float16",
    dtype=np.float16,
    tolerance=4e-3,
    keeps_logarithms=False,
    bits=FLOAT_BITS,
    payload_shape=_an_entry_each,
    to_payload=lambda logs: np.exp(logs).astype(np.float16),
    to_log_probabilities=_log,
)
LOGIT = Codec(
    name="logit",
    dtype=np.float32,
    tolerance=None,
    keeps_logarithms=True,
    bits=FLOAT_BITS,
    payload_shape=_an_entry_each,
    to_payload=lambda logs: centred(logs).astype(np.float32),
    to_log_probabilities=_bounded_logits,
)
CODECS = {
    codec.name: codec for codec in (FLOAT32, FLOAT16, LOGIT, *map(_packed, PACKED_BITS))
}


def encode(soft_labels: SoftLabels, codec: Codec) -> NDArray[Any]:
    """Returns the payload of ``soft_labels``, of the codec's shape and type.

    ``logit`` cuts a gap to the largest of a row at :data:`LARGEST_GAP`: the -3.4e38
    that a consensus has where no site gives a class any probability stays the
    least of its row, and costs the other entries no more of the scale than that.

    Raises:
        InvalidReplyError: only ``float16`` can carry a probability of exactly 0, which
            no finite logit produces.
    """
    logs = soft_labels.log_probabilities
    if codec.keeps_logarithms:
        _finite_logarithms(logs, (len(soft_labels), soft_labels.num_classes))
    return codec.to_payload(logs)


def empty_payload(codec: Codec, num_classes: int) -> NDArray[Any]:
    """Returns the payload of no examples at all, such as the first consensus."""
    return codec.to_payload(np.empty((0, num_classes), np.float32))


def decode(
    payload: NDArray[Any],
    codec: Codec,
    *,
    num_classes: int,
    temperature: float,
    transfer_set_id: str,
    indices: NDArray[np.int32],
) -> SoftLabels:
    """Returns the soft labels in a payload that may come from anybody.

    Args:
        payload: expected to be of the codec's type and shape.
        codec: the agreed codec.
        num_classes: the agreed number of classes.
        temperature: the run's temperature.
        transfer_set_id: content id of the transfer set.
        indices: int32 [num_examples], the examples that were asked for.

    Raises:
        InvalidReplyError: wrong dtype or shape, not finite, negative, out of the
            codec's range, or off the simplex by more than its tolerance.
    """
    if payload.dtype != np.dtype(codec.dtype):
        raise InvalidReplyError(
            f"The payload has type {payload.dtype}, expected {np.dtype(codec.dtype)}."
        )
    expected = codec.payload_shape(len(indices), num_classes)
    if payload.shape != expected:
        raise InvalidReplyError(
            f"The payload has shape {payload.shape}, expected {expected}."
        )
    if np.isnan(payload).any():
        raise InvalidReplyError("The payload has a NaN.")
    logs = codec.to_log_probabilities(payload, (len(indices), num_classes))
    _check_sums(logs, codec)
    return SoftLabels(
        log_probabilities=log_softmax(logs).astype(np.float32),
        temperature=temperature,
        transfer_set_id=transfer_set_id,
        indices=indices,
    )


def _check_sums(logs: NDArray[np.float64], codec: Codec) -> None:
    if codec.tolerance is None:
        return
    with np.errstate(over="ignore"):  # a hostile 1e38 is refused by the check
        sums = np.exp(logs).sum(axis=1)
    worst = float(np.abs(sums - 1).max(initial=0.0))
    if not worst <= codec.tolerance:
        raise InvalidReplyError(
            f"The payload has a row whose probabilities sum to 1 within {worst:.3g} "
            f"only, codec {codec.name} allows {codec.tolerance:g}."
        )
