"""Codecs: how soft labels become bytes of a message, and back.

Both codecs cost what their name says per entry. ``float32`` carries log
probabilities and loses nothing in log space. ``float16`` carries probabilities:
half the bytes, but what is below 6e-8 becomes an exact 0, so it is refused beside the
log-opinion pool, where one such zero would veto a class for everybody.

Decoding checks a payload from an untrusted sender and renormalises it within the
codec's stated tolerance; :class:`~common.soft_labels.SoftLabels` is built after that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from common.errors import InvalidReplyError
from common.soft_labels import SoftLabels, log_softmax

LogProbabilities = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A reversible encoding of soft labels.

    Attributes:
        name: the name in config and messages.
        dtype: type of a payload entry.
        tolerance: how far a row's sum may be off 1 after the encoding.
        keeps_logarithms: whether small probabilities survive as logarithms.
        to_payload: log probabilities to payload, both [num_examples, num_classes].
        to_log_probabilities: the inverse, up to a constant per row.
    """

    name: str
    dtype: DTypeLike
    tolerance: float
    keeps_logarithms: bool
    to_payload: Callable[[LogProbabilities], NDArray[Any]]
    to_log_probabilities: Callable[[NDArray[Any]], NDArray[np.float64]]

    @property
    def bytes_per_entry(self) -> int:
        """Payload bytes per example and class."""
        return np.dtype(self.dtype).itemsize


def _log(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    wide = np.asarray(probabilities, np.float64)
    if (wide < 0).any():
        raise InvalidReplyError("The payload has a negative probability.")
    with np.errstate(divide="ignore"):
        return np.log(wide)


def _finite_logarithms(payload: NDArray[Any]) -> NDArray[np.float64]:
    if not np.isfinite(payload).all():
        raise InvalidReplyError("The payload has a log probability that is not finite.")
    return np.asarray(payload, np.float64)


FLOAT32 = Codec(
    name="float32",
    dtype=np.float32,
    tolerance=1e-4,
    keeps_logarithms=True,
    to_payload=lambda logs: np.ascontiguousarray(logs, np.float32),
    to_log_probabilities=_finite_logarithms,
)
# Ten rounded probabilities of about 0.1 were seen 4e-4 off in sum; classes add up.
FLOAT16 = Codec(
    name="float16",
    dtype=np.float16,
    tolerance=4e-3,
    keeps_logarithms=False,
    to_payload=lambda logs: np.exp(logs).astype(np.float16),
    to_log_probabilities=_log,
)
CODECS = {codec.name: codec for codec in (FLOAT32, FLOAT16)}


def encode(soft_labels: SoftLabels, codec: Codec) -> NDArray[Any]:
    """Returns the payload of ``soft_labels``, [num_examples, num_classes].

    Raises:
        InvalidReplyError: ``float32`` cannot carry a probability of exactly 0, which
            no finite logit produces.
    """
    logs = soft_labels.log_probabilities
    if codec.keeps_logarithms:
        _finite_logarithms(logs)
    return codec.to_payload(logs)


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
        payload: expected to be [len(indices), num_classes] of the codec's dtype.
        codec: the agreed codec.
        num_classes: the agreed number of classes.
        temperature: the run's temperature.
        transfer_set_id: content id of the transfer set.
        indices: int32 [num_examples], the examples that were asked for.

    Raises:
        InvalidReplyError: wrong dtype or shape, not finite, negative, or off the
            simplex by more than the codec's tolerance.
    """
    if payload.dtype != np.dtype(codec.dtype):
        raise InvalidReplyError(
            f"The payload has type {payload.dtype}, expected {np.dtype(codec.dtype)}."
        )
    expected = (len(indices), num_classes)
    if payload.shape != expected:
        raise InvalidReplyError(
            f"The payload has shape {payload.shape}, expected {expected}."
        )
    if np.isnan(payload).any():
        raise InvalidReplyError("The payload has a NaN.")
    logs = codec.to_log_probabilities(payload)
    with np.errstate(over="ignore"):  # a hostile 1e38 is refused by the next check
        sums = np.exp(logs).sum(axis=1)
    worst = float(np.abs(sums - 1).max(initial=0.0))
    if not worst <= codec.tolerance:
        raise InvalidReplyError(
            f"The payload has a row whose probabilities sum to 1 within {worst:.3g} "
            f"only, codec {codec.name} allows {codec.tolerance:g}."
        )
    return SoftLabels(
        log_probabilities=log_softmax(logs).astype(np.float32),
        temperature=temperature,
        transfer_set_id=transfer_set_id,
        indices=indices,
    )
