"""What sites have spent is computed from public facts, never less than they did."""

from __future__ import annotations

import math

import pytest

from common.privacy.accountant import spent
from common.privacy.events import Mechanism, PrivacyEvent
from common.run_plan import RunPlan
from server.planning import make_run_plan
from server.privacy_forecast import Promise, forecast
from tests.server.sites import small_config, small_parts


def plan(**overrides: object) -> RunPlan:
    config = small_config(rounds=5, **overrides)
    return make_run_plan(config, small_parts().transfer, num_classes=3)


def promise(epsilon: float = 4.0, rounds: int = 5, asked: int = 0) -> Promise:
    return Promise(epsilon=epsilon, delta=1e-3, rounds=rounds, asked=asked)


def test_nothing_is_spent_before_a_site_was_asked() -> None:
    """A hello costs nothing."""
    assert forecast([promise()], plan()).epsilon == 0.0
    assert forecast([], plan()).epsilon == 0.0


def test_all_promised_rounds_cost_what_was_promised() -> None:
    """After the last private round, epsilon is the commitment's."""
    epsilon = forecast([promise(asked=5)], plan()).epsilon

    assert epsilon <= 4.0
    assert epsilon == pytest.approx(4.0, rel=0.005), (
        "Rule 11: the metrics show another epsilon than the sites spend."
    )


def test_epsilon_stands_still_once_a_site_is_exhausted() -> None:
    """Rounds beyond the promise read no private data."""
    at_the_end = forecast([promise(rounds=2, asked=2)], plan()).epsilon

    assert at_the_end > 0
    assert forecast([promise(rounds=2, asked=5)], plan()).epsilon == at_the_end


def test_the_site_that_spent_most_counts() -> None:
    """Data at several sites are not the same: no sum, the maximum."""
    alone = forecast([promise(asked=3)], plan()).epsilon

    both = forecast([promise(asked=1), promise(asked=3)], plan()).epsilon

    assert both == alone


def test_a_fixed_noise_multiplier_is_used_as_it_is() -> None:
    """Where the plan names the noise, epsilon follows from it exactly."""
    noisy = plan(**{"privacy.noise-multiplier": 3.0})
    event = PrivacyEvent(
        mechanism=Mechanism.DP_SGD,
        noise_multiplier=3.0,
        sampling_probability=noisy.sampling_probability,
        steps=2 * noisy.steps_per_round,
    )

    epsilon = forecast([promise(asked=2)], noisy).epsilon

    assert epsilon == spent([event], delta=1e-3).epsilon


def test_without_privacy_one_round_is_infinite() -> None:
    """No mechanism, no guarantee."""
    bare = plan(**{"privacy.mechanism": "none", "allow-non-private": True})

    assert forecast([promise(math.inf, asked=1)], bare).epsilon == math.inf


@pytest.mark.parametrize("epsilon", [1e-12, 1e-300, 5e-324])
def test_a_promise_that_no_noise_keeps_is_taken_at_its_word(epsilon: float) -> None:
    """A hostile hello cannot stop the run."""
    assert forecast([promise(epsilon, asked=1)], plan()).epsilon <= epsilon


def test_every_round_counts_in_which_a_site_was_asked() -> None:
    """Silent sites may have trained, so asking is what counts."""
    assert promise().asked_in(1).asked_in(4).private_rounds == 2


def test_a_round_that_is_asked_again_counts_once() -> None:
    """A site answers it from its outbox."""
    assert promise().asked_in(1).asked_in(2).asked_in(2).private_rounds == 2
