"""Calibration: the smallest noise multiplier that keeps a promise.

Noise multipliers are searched on a grid of four significant digits (1.357, 12.04),
whose steps are at most 0.1%. The result is the smallest on the grid that really
satisfies the accountant: it is rounded up, and the last bits of a sum on another
machine do not change it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache

from common import checks
from common.errors import PrivacyError
from common.privacy.accountant import gaussian_mu_at, spent
from common.privacy.events import Mechanism, PrivacyEvent

SMALLEST_NOISE_MULTIPLIER = 0.1
LARGEST_NOISE_MULTIPLIER = 10_000.0
_MANTISSAS = 9000  # 1.000 to 9.999
_LAST_INDEX = _MANTISSAS * 5  # five decades above the smallest
_FIRST_STRIDE = 16
_HALVE_EVERY = 4


def calibrate_noise_multiplier(
    *, epsilon: float, delta: float, sampling_probability: float, steps: int
) -> float:
    """Returns the smallest noise multiplier under which DP-SGD costs at most epsilon.

    Args:
        epsilon: what may be spent, > 0, dimensionless.
        delta: the delta at which epsilon is read, in (0, 1).
        sampling_probability: Poisson sampling probability, in (0, 1].
        steps: number of steps, >= 1.

    Returns:
        A noise multiplier of four significant digits for which the tight accountant
        finds at most ``epsilon``, within 0.1% of the smallest; never below
        :data:`SMALLEST_NOISE_MULTIPLIER`.

    Raises:
        PrivacyError: noise beyond :data:`LARGEST_NOISE_MULTIPLIER` would be needed.
        ValueError: an argument is out of range.
    """
    checks.positive(epsilon=epsilon, steps=steps)
    checks.in_open_range(0, 1, delta=delta)
    noise_multiplier = _calibrated(epsilon, delta, sampling_probability, steps)
    if noise_multiplier is None:
        raise PrivacyError(
            f"Expected epsilon={epsilon:g} at delta={delta:g} to be affordable for "
            f"{steps} steps at sampling probability {sampling_probability:g} with a "
            f"noise multiplier up to {LARGEST_NOISE_MULTIPLIER:g}. Nothing was spent."
        )
    return noise_multiplier


@lru_cache(maxsize=256)
def _calibrated(
    epsilon: float, delta: float, sampling_probability: float, steps: int
) -> float | None:
    def epsilon_at(noise_multiplier: float) -> float:
        event = PrivacyEvent(
            mechanism=Mechanism.DP_SGD,
            noise_multiplier=noise_multiplier,
            sampling_probability=sampling_probability,
            steps=steps,
        )
        return spent([event], delta=delta).epsilon

    # By the central limit theorem, steps are close to q^2 steps / noise^2 = mu^2.
    unit_mu = sampling_probability * math.sqrt(steps)
    guess = unit_mu / gaussian_mu_at(epsilon=epsilon, delta=delta)
    return smallest_noise_multiplier(epsilon_at, epsilon=epsilon, guess=guess)


def smallest_noise_multiplier(
    epsilon_at: Callable[[float], float], *, epsilon: float, guess: float
) -> float | None:
    """Returns the smallest noise multiplier on the grid that costs at most epsilon.

    Args:
        epsilon_at: epsilon as a decreasing function of the noise multiplier.
        epsilon: what may be spent, > 0, dimensionless.
        guess: where to begin; any positive number gives the same result.

    Returns:
        None if not even :data:`LARGEST_NOISE_MULTIPLIER` suffices.
    """
    low, high = (-1, math.inf), (_LAST_INDEX + 1, 0.0)
    index = min(max(_index_at_least(guess), 0), _LAST_INDEX)
    for visit in itertools.count(1):
        point = (index, epsilon_at(_noise_multiplier(index)))
        low, high = (low, point) if point[1] <= epsilon else (point, high)
        if high[0] - low[0] == 1:
            break
        index = _next_index(low, high, epsilon, visit)
    return None if high[0] > _LAST_INDEX else _noise_multiplier(high[0])


_Point = tuple[int, float]  # index on the grid, epsilon there


def _next_index(low: _Point, high: _Point, epsilon: float, visit: int) -> int:
    """Returns where to look next, strictly between the two indices.

    Gallops until both ends were visited, then takes epsilon for a power of the noise
    multiplier, which it nearly is; now and then it halves, so that it must end.
    """
    stride = _FIRST_STRIDE << 2 * visit
    if low[0] < 0:
        index = high[0] - stride
    elif high[0] > _LAST_INDEX:
        index = low[0] + stride
    elif visit % _HALVE_EVERY == 0 or high[1] <= 0 or math.isinf(low[1]):
        index = (low[0] + high[0]) // 2
    else:
        start, end = (math.log(_noise_multiplier(one[0])) for one in (low, high))
        share = math.log(low[1] / epsilon) / math.log(low[1] / high[1])
        index = _index_at_least(math.exp(start + share * (end - start)))
    return min(max(index, low[0] + 1), high[0] - 1)


def _noise_multiplier(index: int) -> float:
    """Returns the number of four significant digits at ``index``."""
    decade, mantissa = divmod(index, _MANTISSAS)
    # Division by a power of ten rounds once: the float nearest to the decimal number.
    return (mantissa + 1000) * 10.0**decade / 10_000


def _index_at_least(noise_multiplier: float) -> int:
    """Returns the first index, possibly negative, not below ``noise_multiplier``."""
    decade = math.floor(math.log10(noise_multiplier / SMALLEST_NOISE_MULTIPLIER))
    mantissa = math.ceil(noise_multiplier * 10.0 ** (4 - decade))
    return decade * _MANTISSAS + mantissa - 1000
