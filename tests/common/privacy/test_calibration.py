"""Calibration: minimal, sufficient, quick."""

import dp_accounting
import pytest
from dp_accounting import rdp
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import PrivacyError
from common.privacy import calibration
from common.privacy.accountant import spent
from common.privacy.budget import PrivacySpent
from common.privacy.calibration import (
    SMALLEST_NOISE_MULTIPLIER,
    calibrate_noise_multiplier,
    smallest_noise_multiplier,
)
from common.privacy.events import PrivacyEvent
from tests.common.privacy.builders import DELTA, event

# 2,000 examples, batch 64, 20 epochs.
PROBABILITY, STEPS = 64 / 2000, 625


def _renyi_epsilon(noise: float) -> float:
    """Epsilon by the accountant of Abadi et al. (2016), as most papers print it."""
    accountant = rdp.RdpAccountant(
        [1 + x / 10 for x in range(1, 100)] + [*range(11, 64)]
    )
    step = dp_accounting.PoissonSampledDpEvent(
        PROBABILITY, dp_accounting.GaussianDpEvent(noise)
    )
    accountant.compose(dp_accounting.SelfComposedDpEvent(step, STEPS))
    return float(accountant.get_epsilon(DELTA))


@pytest.mark.parametrize(
    ("epsilon", "renyi_noise", "tight_noise"), [(1.0, 3.40, 3.13), (3.0, 1.45, 1.36)]
)
def test_known_noise_multipliers(
    epsilon: float, renyi_noise: float, tight_noise: float
) -> None:
    """Noise that Renyi accounting asks for, and the 6% to 8% less that is enough."""
    found = calibrate_noise_multiplier(
        epsilon=epsilon, delta=DELTA, sampling_probability=PROBABILITY, steps=STEPS
    )

    assert _renyi_epsilon(renyi_noise) == pytest.approx(epsilon, rel=0.02)
    assert found == pytest.approx(tight_noise, rel=0.005)


def test_one_full_batch_step_needs_the_analytic_gaussian_noise() -> None:
    """Epsilon 1 at delta 1e-5 needs 3.7306, rounded up to four digits."""
    found = calibrate_noise_multiplier(
        epsilon=1.0, delta=DELTA, sampling_probability=1.0, steps=1
    )

    assert found == 3.731


@given(
    epsilon=st.floats(0.1, 12),
    probability=st.one_of(st.floats(0.01, 0.99), st.just(1.0)),
    steps=st.integers(1, 1000),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_noise_suffices_and_hardly_less_would(
    epsilon: float, probability: float, steps: int
) -> None:
    """The accountant finds at most epsilon, and more with a thousandth less noise."""
    found = calibrate_noise_multiplier(
        epsilon=epsilon, delta=DELTA, sampling_probability=probability, steps=steps
    )

    def cost(noise: float) -> float:
        return spent([event(noise, probability, steps)], delta=DELTA).epsilon

    assert cost(found) <= epsilon
    assert cost(found * (1 - 1.001e-3)) > epsilon
    assert found == float(f"{found:.4g}")


def test_a_plan_is_calibrated_with_few_questions_to_the_accountant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hello does not wait: each question takes a fraction of a second."""
    asked = []

    def counted(events: list[PrivacyEvent], *, delta: float) -> PrivacySpent:
        asked.append(events)
        return spent(events, delta=delta)

    monkeypatch.setattr(calibration, "spent", counted)
    calibrate_noise_multiplier(
        epsilon=2.5, delta=3e-6, sampling_probability=0.0213, steps=470
    )

    assert 1 <= len(asked) <= 12  # bisection of the grid would take 16


def test_a_huge_epsilon_is_answered_with_the_smallest_noise() -> None:
    """The grid begins at 0.1."""
    found = calibrate_noise_multiplier(
        epsilon=1000.0, delta=DELTA, sampling_probability=1.0, steps=1
    )

    assert found == SMALLEST_NOISE_MULTIPLIER


def test_noise_beyond_reason_is_refused() -> None:
    """A budget that would need a noise multiplier above 10,000 is too small."""
    with pytest.raises(PrivacyError, match=r"Expected epsilon=0\.001 .* Nothing was"):
        calibrate_noise_multiplier(
            epsilon=0.001, delta=1e-6, sampling_probability=1.0, steps=10_000
        )


@pytest.mark.parametrize("changes", [{"epsilon": 0.0}, {"steps": 0}, {"delta": 1.0}])
def test_arguments_out_of_range_are_refused(changes: dict[str, float]) -> None:
    """A budget of 0, no steps or a delta of 1 are errors."""
    arguments = {"epsilon": 1.0, "delta": DELTA, "steps": 1, **changes}

    with pytest.raises(ValueError, match=f"Expected {next(iter(changes))}="):
        calibrate_noise_multiplier(sampling_probability=1.0, **arguments)


@pytest.mark.parametrize("guess", [1e-6, 0.5, 3.14, 9.99, 1e9])
@pytest.mark.parametrize("root", [0.1, 0.33333, 1.0, 7.77777, 99.999, 9999.0])
def test_the_search_finds_the_root_from_any_guess(guess: float, root: float) -> None:
    """The result is the first number of four digits at or above the root."""
    found = smallest_noise_multiplier(
        lambda noise: (root / noise) ** 1.7, epsilon=1.0, guess=guess
    )

    assert found is not None
    assert root <= found * (1 + 1e-12)
    assert found <= root * (1 + 1e-3)
    assert found == float(f"{found:.4g}")


@pytest.mark.parametrize("guess", [1e-6, 2.0, 1e9])
def test_the_search_copes_with_infinite_and_zero_epsilon(guess: float) -> None:
    """A step function from infinity to zero is searched by halving."""
    found = smallest_noise_multiplier(
        lambda noise: float("inf") if noise < 5.4321 else 0.0, epsilon=1.0, guess=guess
    )

    assert found == 5.433
