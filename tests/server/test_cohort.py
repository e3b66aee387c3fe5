"""Who is asked, and how many must answer."""

from __future__ import annotations

import pytest

from common.errors import QuorumMissedError
from server.cohort import Cohort, draw_cohort, require_quorum

NAMES = tuple(f"site-{number:02d}" for number in range(10))


def test_a_cohort_is_drawn_by_names_alone() -> None:
    """The order in which sites connected does not matter."""

    def drawn(names: tuple[str, ...], round_number: int) -> tuple[str, ...]:
        return draw_cohort(
            names, fraction=0.3, run_seed=1, round_number=round_number
        ).site_names

    assert drawn(NAMES, 1) == drawn(NAMES[::-1], 1)
    assert len(drawn(NAMES, 1)) == 3
    assert len({drawn(NAMES, number) for number in range(1, 20)}) > 10


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(1.0, 10), (0.3, 3), (0.31, 4), (0.7, 7), (0.01, 1)],
)
def test_a_fraction_is_rounded_up_to_whole_sites(
    fraction: float, expected: int
) -> None:
    """0.3 of 10 is 3, for all that floats say; and never nobody."""
    cohort = draw_cohort(NAMES, fraction=fraction, run_seed=1, round_number=1)

    assert len(cohort) == expected


def test_no_site_to_ask_is_a_missed_quorum() -> None:
    """The message says what is left."""
    with pytest.raises(QuorumMissedError, match="Round 4 finds no site to ask"):
        draw_cohort((), fraction=1.0, run_seed=1, round_number=4)


def test_a_cohort_is_sorted_and_distinct() -> None:
    """A cohort that cannot be one is never built."""
    for names in (("b", "a"), ("a", "a"), ()):
        with pytest.raises(ValueError, match="Expected"):
            Cohort(round_number=1, site_names=names, fraction=1.0)


@pytest.mark.parametrize(
    ("quorum", "enough"), [(0.5, 5), (0.51, 6), (1.0, 10), (0.001, 1), (0.3, 3)]
)
def test_quorum_is_a_share_of_the_asked(quorum: float, enough: int) -> None:
    """Exactly enough passes, one fewer does not."""
    cohort = Cohort(round_number=2, site_names=NAMES, fraction=1.0)

    require_quorum(cohort, accepted=enough, quorum=quorum)
    with pytest.raises(QuorumMissedError) as caught:
        require_quorum(cohort, accepted=enough - 1, quorum=quorum)

    assert str(caught.value) == (
        f"Round 2 has {enough - 1} usable replies of 10 asked sites, "
        f"round.quorum={quorum:g} needs {enough}. The run stops; its last checkpoint "
        "can be resumed."
    )
