"""From a finished federation and its run folder to the figures of ``summary.json``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from common.errors import DataError
from common.run_folder import RunFolder
from server.checkpoint import checkpoint_path, load_checkpoint
from simulations.baseline_figures import (
    AloneFigures,
    BaselineFigures,
    NoPrivacyFigures,
    PooledFigures,
)
from simulations.federation import Federation
from simulations.personal_figures import PersonalStudentFigures
from simulations.rounds import RoundFigures, read_rounds
from simulations.summary import (
    ByteFigures,
    GlobalStudentFigures,
    LocalStudentFigures,
    PrivacyFigures,
    Summary,
)
from simulations.wire_figures import byte_figures


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRuns:
    """What the baselines returned.

    Attributes:
        alone: test accuracy by site name.
        pooled: ``test_accuracy``.
        no_privacy: ``global_student_test_accuracy``, ``local_mean_test_accuracy``.
    """

    alone: Mapping[str, float]
    pooled: Mapping[str, float]
    no_privacy: Mapping[str, float]


def summarise(
    federation: Federation,
    folder: RunFolder,
    runs: BaselineRuns | None,
    *,
    personal: PersonalStudentFigures | None = None,
) -> Summary:
    """Returns the figures of a run.

    Args:
        federation: the federation, finished.
        folder: its run folder, with metrics and checkpoint.
        runs: the baselines, or None where they were not run.
        personal: figures of the personal students, or None where there are none.
    """
    config = federation.config
    rounds = read_rounds(folder.metrics)
    return Summary(
        name=config.name,
        run_id=config.run_id,
        seed=config.seed,
        rounds=len(rounds),
        global_student=GlobalStudentFigures(
            test_accuracy=rounds[-1].global_student.test_accuracy
        ),
        local_students=_local_students(federation),
        baselines=BaselineFigures() if runs is None else _baselines(runs),
        privacy=_privacy(federation, rounds),
        bytes=_bytes(federation, folder, rounds),
        seconds=round(sum(one.seconds for one in rounds), 1),
        personal_students=personal,
    )


def _local_students(federation: Federation) -> LocalStudentFigures:
    by_site = federation.local_accuracies(federation.parts.test)
    by_model: dict[str, list[float]] = defaultdict(list)
    config = federation.config
    kinds = ("head",) * config.sites if config.has_heads else config.site_models
    for name, model in zip(by_site, kinds, strict=True):
        by_model[model].append(by_site[name])
    return LocalStudentFigures(
        mean_test_accuracy=_mean(by_site.values()),
        by_model={model: _mean(values) for model, values in by_model.items()},
        by_site=by_site,
    )


def _baselines(runs: BaselineRuns) -> BaselineFigures:
    return BaselineFigures(
        alone=AloneFigures(
            mean_test_accuracy=_mean(runs.alone.values()),
            best_test_accuracy=max(runs.alone.values()),
            by_site=runs.alone,
        ),
        pooled=PooledFigures(**runs.pooled),
        no_privacy=NoPrivacyFigures(**runs.no_privacy),
    )


def _privacy(
    federation: Federation, rounds: tuple[RoundFigures, ...]
) -> PrivacyFigures:
    """Reads what was spent from the ledger, not from what the server computed."""
    privacy = federation.config.privacy
    spent = list(federation.epsilon_spent().values())
    exhausted = [one.round for one in rounds if one.exhausted]
    return PrivacyFigures(
        mechanism=privacy.mechanism,
        max_epsilon=max(spent),
        sum_epsilon=sum(spent),
        delta=privacy.delta,
        unit=privacy.unit,
        budget_exhausted_at_round=min(exhausted, default=None),
    )


def _bytes(
    federation: Federation, folder: RunFolder, rounds: tuple[RoundFigures, ...]
) -> ByteFigures:
    state = load_checkpoint(checkpoint_path(folder))
    if state is None:
        raise DataError(f"{folder.root} has no checkpoint. No summary was written.")
    return byte_figures(
        federation.config, state, rounds, num_classes=federation.parts.num_classes
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
