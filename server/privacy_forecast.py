"""What the sites have spent so far, as far as public facts tell.

No site reports its spending. But what a site spends is a function of the plan and of
what it committed to at hello, so the server computes it with the same accountant. It
counts every round in which a site was asked: a site that stayed silent may have
trained all the same.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

from common import checks
from common.errors import PrivacyError
from common.messages import HelloReply
from common.privacy.accountant import spent
from common.privacy.budget import PrivacySpent
from common.privacy.calibration import calibrate_noise_multiplier
from common.privacy.events import PrivacyEvent
from common.run_plan import RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a site committed to at hello, and how often it was asked since.

    Attributes:
        epsilon: the most the site spends in this run; infinite without privacy.
        delta: target delta.
        rounds: rounds with private training that the site committed.
        asked: rounds in which it was asked.
        last_asked: the last of them; 0 for none.
    """

    epsilon: float
    delta: float
    rounds: int
    asked: int = 0
    last_asked: int = 0

    def __post_init__(self) -> None:
        checks.non_negative(rounds=self.rounds, asked=self.asked)
        checks.non_negative(last_asked=self.last_asked)
        checks.in_open_range(0, 1, delta=self.delta)
        if not self.epsilon >= 0:
            raise ValueError(f"Expected epsilon={self.epsilon} to be >= 0.")

    @classmethod
    def in_hello(cls, hello: HelloReply) -> Promise:
        """Returns the promise in a checked reply to the hello."""
        return cls(epsilon=hello.epsilon, delta=hello.delta, rounds=hello.rounds)

    def asked_in(self, round_number: int) -> Promise:
        """Returns the promise after the site was asked in a round, however often.

        A site answers a repeated round from its outbox, at no cost.

        Args:
            round_number: from 1; not before the last in which the site was asked.
        """
        if round_number == self.last_asked:
            return self
        return replace(self, asked=self.asked + 1, last_asked=round_number)

    @property
    def private_rounds(self) -> int:
        """Rounds in which the site may have trained on private data."""
        return min(self.asked, self.rounds)


def forecast(promises: Collection[Promise], plan: RunPlan) -> PrivacySpent:
    """Returns the most that any one site has spent; sites' data are not the same.

    Args:
        promises: of every site that took part.
        plan: the run plan.
    """
    epsilons = [
        _epsilon(
            plan=plan,
            epsilon=promise.epsilon,
            delta=promise.delta,
            rounds=promise.rounds,
            private_rounds=promise.private_rounds,
        )
        for promise in promises
    ]
    return PrivacySpent(
        epsilon=max(epsilons, default=0.0), delta=plan.delta, unit=plan.unit
    )


@lru_cache(maxsize=4096)
def _epsilon(
    *, plan: RunPlan, epsilon: float, delta: float, rounds: int, private_rounds: int
) -> float:
    if private_rounds == 0:
        return 0.0
    if not plan.mechanism.is_private:
        return math.inf
    try:
        reached = _tight_epsilon(plan, epsilon, delta, rounds, private_rounds)
    except (PrivacyError, ArithmeticError, ValueError):
        # The promise came from the wire: one that no noise keeps is taken at its word.
        reached = epsilon
    return min(epsilon, reached)


def _tight_epsilon(
    plan: RunPlan, epsilon: float, delta: float, rounds: int, private_rounds: int
) -> float:
    # A site's noise is the smallest that keeps its promise, and so is this one.
    noise_multiplier = plan.noise_multiplier or calibrate_noise_multiplier(
        epsilon=epsilon,
        delta=delta,
        sampling_probability=plan.sampling_probability,
        steps=rounds * plan.steps_per_round,
    )
    event = PrivacyEvent(
        mechanism=plan.mechanism,
        noise_multiplier=noise_multiplier,
        sampling_probability=plan.sampling_probability,
        steps=private_rounds * plan.steps_per_round,
        unit=plan.unit,
    )
    return spent([event], delta=delta).epsilon
