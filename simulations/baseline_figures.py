"""What a federation was compared with, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common import checks


@dataclass(frozen=True, slots=True, kw_only=True)
class AloneFigures:
    """Every site by itself: same private steps and budget, nothing exchanged.

    Attributes:
        mean_test_accuracy: mean over the sites, in [0, 1].
        best_test_accuracy: the best site's, in [0, 1].
        by_site: per site name, in [0, 1].
    """

    mean_test_accuracy: float
    best_test_accuracy: float
    by_site: Mapping[str, float]

    def __post_init__(self) -> None:
        checks.in_range(0, 1, mean_test_accuracy=self.mean_test_accuracy)
        checks.in_range(0, 1, best_test_accuracy=self.best_test_accuracy)
        checks.in_range(0, 1, **self.by_site)


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledFigures:
    """All private data in one place, without privacy.

    Attributes:
        test_accuracy: in [0, 1].
    """

    test_accuracy: float

    def __post_init__(self) -> None:
        checks.in_range(0, 1, test_accuracy=self.test_accuracy)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPrivacyFigures:
    """The same federation without noise and clipping; accuracies in [0, 1].

    Attributes:
        global_student_test_accuracy: the global student's.
        local_mean_test_accuracy: mean over the sites' students.
    """

    global_student_test_accuracy: float
    local_mean_test_accuracy: float

    def __post_init__(self) -> None:
        checks.in_range(
            0, 1, global_student_test_accuracy=self.global_student_test_accuracy
        )
        checks.in_range(0, 1, local_mean_test_accuracy=self.local_mean_test_accuracy)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFigures:
    """What the federation is compared with; None where it was not run.

    Attributes:
        alone: every site by itself.
        pooled: all private data in one place.
        no_privacy: the same federation without privacy.
    """

    alone: AloneFigures | None = None
    pooled: PooledFigures | None = None
    no_privacy: NoPrivacyFigures | None = None
