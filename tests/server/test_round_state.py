"""A round's result adds up, or is never built."""

from __future__ import annotations

import pytest

from common.privacy.budget import PrivacySpent
from server.cohort import Cohort
from server.replies import Rejection, RejectionReason
from server.round_state import RoundResult
from server.traffic import Traffic

REJECTION = Rejection(
    site_name="b", reason=RejectionReason.NOT_FINITE, detail="Reply of b is bad."
)


def result(**changes: object) -> RoundResult:
    values: dict[str, object] = {
        "cohort": Cohort(round_number=1, site_names=("a", "b", "c"), fraction=1.0),
        "accepted": ("a",),
        "rejections": (REJECTION,),
        "silent": ("c",),
        "exhausted": ("a",),
        "test_accuracy": 0.5,
        "validation_accuracy": 0.5,
        "privacy": PrivacySpent(epsilon=1.0, delta=1e-3),
        "traffic": Traffic(),
        "seconds": 1.0,
    }
    return RoundResult(**{**values, **changes})  # type: ignore[arg-type]


def test_accepted_rejected_and_silent_make_up_the_cohort() -> None:
    """Every site asked is exactly one of the three."""
    assert result().round_number == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"silent": ()},
        {"silent": ("c", "d")},
        {"accepted": ("a", "c")},
        {"accepted": ("a", "b")},
        {"rejections": ()},
    ],
)
def test_a_site_lost_or_counted_twice_is_refused(changes: dict[str, object]) -> None:
    """The three parts are disjoint and cover the cohort."""
    with pytest.raises(ValueError, match="accepted, rejected or silent"):
        result(**changes)


def test_only_accepted_sites_can_be_exhausted() -> None:
    """What a dropped reply says is not believed."""
    with pytest.raises(ValueError, match="exhausted sites among the accepted"):
        result(exhausted=("b",))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"test_accuracy": 1.5}, "test_accuracy"),
        ({"validation_accuracy": float("nan")}, "validation_accuracy"),
        ({"seconds": -1.0}, "seconds"),
    ],
)
def test_figures_out_of_range_are_refused(
    changes: dict[str, object], name: str
) -> None:
    """The message names the figure."""
    with pytest.raises(ValueError, match=f"Expected {name}="):
        result(**changes)


def test_a_rejection_has_a_refusal_where_the_site_refused() -> None:
    """Reason and refusal never contradict each other."""
    with pytest.raises(ValueError, match="Expected a refusal"):
        Rejection(site_name="a", reason=RejectionReason.REFUSED, detail="No.")
