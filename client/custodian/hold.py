"""When a reply leaves: at once, or at times that say nothing about the work."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from common import checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Keeps a reply until a fixed time after its request, or a multiple of it.

    How long training takes depends on the sizes of private samples; with a hold longer
    than any round, the time of a reply depends on the request alone.

    Attributes:
        seconds: after which a reply leaves, >= 0; 0 keeps nothing.
        clock: a monotonic clock, in seconds.
        sleep: waits for some seconds.

    Raises:
        ValueError: negative seconds.
    """

    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        checks.non_negative(hold_seconds=self.seconds)

    def wait(self, arrived: float) -> None:
        """Returns when a reply may leave.

        Args:
            arrived: when its request was there, by :attr:`clock`.
        """
        if self.seconds == 0:
            return
        multiple = math.ceil((self.clock() - arrived) / self.seconds)
        leaves_at = arrived + max(multiple, 1) * self.seconds
        while (remaining := leaves_at - self.clock()) > 0:
            self.sleep(remaining)
