"""Noise and Poisson samples from one keyed cryptographic stream.

AES-256 in counter mode over zeros, from ``cryptography``; normals by Box & Muller
(1958) in NumPy float32 with a 62-bit radius. torch's own float32 normals are cut off
at 5.77 standard deviations; these reach 9.27. A deployed site takes its key from the
operating system, and nothing outside can set it; a simulated site is seeded by
:mod:`simulations.seeded_randomness`, which nothing here can import. Low-bit attacks on
floating-point noise (Mironov 2012) are not excluded.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from common import checks

KEY_BYTES = 32
_BLOCK_PAIRS = 32_768  # keeps a block's temporaries in the cache
_WORD = np.dtype("<u4")
_LONG = np.dtype("<u8")
_CIPHER_BLOCK_BYTES = 16
_31_BITS = np.float32(2.0**-31)
_TURN = np.float32(2 * math.pi * 2.0**-32)


class RandomStream:
    """Uniform bits, normals and samples of one key; every draw moves on.

    Args:
        key: :data:`KEY_BYTES` bytes; the same key gives the same draws.

    Raises:
        ValueError: a key of another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"Expected a key of {KEY_BYTES} bytes, got {len(key)}.")
        counter = modes.CTR(bytes(_CIPHER_BLOCK_BYTES))
        self._encryptor = Cipher(algorithms.AES256(key), counter).encryptor()

    def normal(self, shape: int | tuple[int, ...]) -> NDArray[np.float32]:
        """Returns independent standard normals, float32, of the given shape."""
        count = math.prod(shape) if isinstance(shape, tuple) else shape
        values = np.empty(count + count % 2, np.float32)
        for start in range(0, count, 2 * _BLOCK_PAIRS):
            block = values[start : start + 2 * _BLOCK_PAIRS]
            self._fill_with_normals(block)
        return values[:count].reshape(shape)

    def poisson_sample(
        self, num_examples: int, sampling_probability: float
    ) -> NDArray[np.int64]:
        """Returns the indices of a Poisson sample, ascending; it may be empty.

        Every index in [0, num_examples) is taken independently of the others.

        Args:
            num_examples: how many there are; private, so it never leaves the site.
            sampling_probability: of each, in [0, 1], exact to 2^-53.
        """
        checks.in_range(0, 1, sampling_probability=sampling_probability)
        if sampling_probability == 1:
            # Nothing to draw, and so the noise that follows does not depend on how many
            # examples there are.
            return np.arange(num_examples, dtype=np.int64)
        uniforms = (self._longs(num_examples) >> np.uint64(11)) * 2.0**-53
        return np.flatnonzero(uniforms < sampling_probability).astype(np.int64)

    def permutation(self, num_examples: int) -> NDArray[np.int64]:
        """Returns the indices [0, num_examples) in random order."""
        return np.argsort(self._longs(num_examples), kind="stable").astype(np.int64)

    def _longs(self, count: int) -> NDArray[np.uint64]:
        return np.frombuffer(self._bytes(count * _LONG.itemsize), _LONG)

    def _bytes(self, count: int) -> bytes:
        return self._encryptor.update(bytes(count))

    def _fill_with_normals(self, values: NDArray[np.float32]) -> None:
        pairs = len(values) // 2
        words = np.frombuffer(self._bytes(3 * pairs * _WORD.itemsize), _WORD)
        high, low, angle = words.reshape(3, pairs)
        # u = (high + (low + 1) / 2^31) / 2^31 is in (0, 1] with 62 bits near 0,
        # where the logarithm makes the tail.
        uniform = (low >> np.uint32(1)).astype(np.float32)
        uniform += np.float32(1)
        uniform *= _31_BITS
        uniform += (high >> np.uint32(1)).astype(np.float32)
        uniform *= _31_BITS
        radius = np.sqrt(np.float32(-2) * np.log(uniform))
        turn = angle.astype(np.float32) * _TURN
        np.multiply(radius, np.cos(turn), out=values[:pairs])
        np.multiply(radius, np.sin(turn), out=values[pairs:])


class Randomness(Protocol):
    """Where a site's private randomness comes from."""

    def stream(self, run_id: str, round_number: int) -> RandomStream:
        """Returns the stream of one attempt at one round."""
        ...


@dataclass(frozen=True, slots=True)
class OperatingSystemRandomness:
    """A fresh 256-bit key from the operating system for every stream.

    It has no parameter, so no config, environment variable, policy or request can
    seed it.
    """

    def stream(self, run_id: str, round_number: int) -> RandomStream:  # noqa: ARG002
        """Returns a stream that depends on neither argument."""
        return RandomStream(os.urandom(KEY_BYTES))
