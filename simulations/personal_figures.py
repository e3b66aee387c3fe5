"""Figures of personal students: who is best where, per site, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common import checks


@dataclass(frozen=True, slots=True, kw_only=True)
class MixAccuracies:
    """One student on two mixes of the classes of the test part; shares in [0, 1].

    Attributes:
        own_mix: each class counts as often as the site has it.
        test_accuracy: everybody's mix: the test part as it is.
    """

    own_mix: float
    test_accuracy: float

    def __post_init__(self) -> None:
        checks.in_range(0, 1, own_mix=self.own_mix, test_accuracy=self.test_accuracy)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalComparison:
    """What a site has today, what everybody gets, and what it keeps for itself.

    Attributes:
        alone: the site's model trained on its own data, without privacy.
        global_student: the student for everybody.
        personal: the site's personal student.
    """

    alone: MixAccuracies
    global_student: MixAccuracies
    personal: MixAccuracies


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalStudentFigures:
    """The sites' personal students, which carry no guarantee and never leave.

    Attributes:
        mean_test_accuracy: mean of the personal students on everybody's mix.
        mean_own_mix_accuracy: the same, each on its own site's mix.
        by_site: per site name.
    """

    mean_test_accuracy: float
    mean_own_mix_accuracy: float
    by_site: Mapping[str, PersonalComparison]

    def __post_init__(self) -> None:
        checks.in_range(
            0,
            1,
            mean_test_accuracy=self.mean_test_accuracy,
            mean_own_mix_accuracy=self.mean_own_mix_accuracy,
        )

    @classmethod
    def of_sites(
        cls, by_site: Mapping[str, PersonalComparison]
    ) -> PersonalStudentFigures:
        """Returns the figures of some sites, at least one."""
        mean = mean_comparison(tuple(by_site.values()))
        return cls(
            mean_test_accuracy=mean.personal.test_accuracy,
            mean_own_mix_accuracy=mean.personal.own_mix,
            by_site=by_site,
        )


def mean_comparison(rows: tuple[PersonalComparison, ...]) -> PersonalComparison:
    """Returns the mean over sites, at least one, each counting alike."""
    return PersonalComparison(
        alone=_mean(tuple(row.alone for row in rows)),
        global_student=_mean(tuple(row.global_student for row in rows)),
        personal=_mean(tuple(row.personal for row in rows)),
    )


def _mean(values: tuple[MixAccuracies, ...]) -> MixAccuracies:
    return MixAccuracies(
        own_mix=sum(one.own_mix for one in values) / len(values),
        test_accuracy=sum(one.test_accuracy for one in values) / len(values),
    )
