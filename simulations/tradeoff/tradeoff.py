"""A whole sweep: claim the folder, run the cells, write results and report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from common.config import Config
from common.errors import ConfigError
from simulations.tradeoff.axes import Axes
from simulations.tradeoff.cells import Row
from simulations.tradeoff.folder import TradeoffFolder, claim_folder, held
from simulations.tradeoff.grid import FOLLOW_THE_STUDENTS, Task, make_tasks
from simulations.tradeoff.results import sorted_rows, write_results
from simulations.tradeoff.sweep import RowListener, run_tasks, split_tasks

MOST_JOBS = 256
# Told how many cells there are and which were finished before.
Display = Callable[[Sequence[Row], int], AbstractContextManager[RowListener]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep that has ended.

    Attributes:
        base: the config that was swept.
        axes: over what.
        fixed: keys that held for every mechanism.
        rows: every cell, in the order of ``results.csv``.
        folder: where everything lies.
    """

    base: Config
    axes: Axes
    fixed: tuple[str, ...]
    rows: tuple[Row, ...]
    folder: TradeoffFolder

    @property
    def failed(self) -> tuple[Row, ...]:
        """The cells that have no result."""
        return tuple(row for row in self.rows if row.result is None)


def _unseen(rows: Sequence[Row], total: int) -> AbstractContextManager[RowListener]:
    del rows, total
    return nullcontext(lambda _: None)


def run_tradeoff(
    base: Config,
    axes: Axes,
    folder: TradeoffFolder,
    *,
    jobs: int = 1,
    resume: bool = False,
    fixed: Collection[str] = (),
    display: Display = _unseen,
) -> Sweep:
    """Runs every cell that is not finished yet and writes results and report.

    A cell that fails has a row that says why, and the others go on.

    Args:
        base: the config that is swept.
        axes: over what.
        folder: where everything goes.
        jobs: how many cells run at a time, each in a process of its own; 1 runs them
            in this one.
        resume: whether to continue in an existing folder.
        fixed: dotted keys that hold for every mechanism because the user typed them.
        display: shows the cells as they end.

    Raises:
        ConfigError: a faulty combination of keys and axes; nothing was run.
        DataError: faulty data, or a damaged file of a finished cell.
        OutputExistsError: the folder is taken, or in use.
    """
    if not 1 <= jobs <= MOST_JOBS:
        raise ConfigError(
            f"--jobs = {jobs}: must be from 1 to {MOST_JOBS}. Nothing was run."
        )
    tasks = make_tasks(base, axes, fixed=fixed)
    _require_data(tasks)
    claim_folder(base, folder, resume=resume)
    with held(folder):
        done, left = split_tasks(tasks, folder)
        with display(done, len(tasks)) as listener:
            ran = run_tasks(left, folder, jobs=jobs, listener=listener)
        shutil.rmtree(folder.work, ignore_errors=True)
        rows = tuple(sorted_rows([*done, *ran]))
        write_results(folder, rows)
    return Sweep(
        base=base,
        axes=axes,
        fixed=tuple(key for key in fixed if key in FOLLOW_THE_STUDENTS),
        rows=rows,
        folder=folder,
    )


def _require_data(tasks: Sequence[Task]) -> None:
    """Deals out the first seed of every partition, so that faulty data run nothing."""
    # Here, not above: data need torch, and a faulty config is told of before that.
    from common.data.parts import load_parts  # noqa: PLC0415
    from simulations.own_code import require_own_models  # noqa: PLC0415
    from simulations.sites import private_examples  # noqa: PLC0415

    first = {task.cell.partition: task for task in reversed(tasks)}
    for task in first.values():
        parts = load_parts(task.config)
        private_examples(task.config, parts)
        require_own_models(
            task.config, input_shape=parts.input_shape, num_classes=parts.num_classes
        )
