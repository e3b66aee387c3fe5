"""The sweeps behind ``docs/frontier.md``, and how they are run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.config import Config, load_config
from common.errors import DataError
from common.run_plan import Scalar
from simulations.locate import find_config
from simulations.report.tradeoff_page import write_tradeoff_report
from simulations.tradeoff.axes import read_axes
from simulations.tradeoff.cells import Row
from simulations.tradeoff.folder import TradeoffFolder
from simulations.tradeoff.tradeoff import Display, Sweep, run_tradeoff

MNIST, FASHION_MNIST = "mnist", "fashion-mnist"
TITLES = {MNIST: "MNIST", FASHION_MNIST: "Fashion-MNIST"}
IID, SKEWED, VERY_SKEWED = "iid", "dirichlet:0.5", "dirichlet:0.1"
PARTITIONS = (IID, SKEWED, VERY_SKEWED)
EPSILONS = "0.5,1,2,4,8,inf"
BASELINES = "alone,alone-without-privacy,pooled,fedavg"
HEADS, CNN = "", "cnn"

# Ordinary students in place of additive heads. dp-sgd and DP-FedAvg were tuned on the
# validation part at epsilon 1, seed 101, nine and six tries; DECISIONS.md has them.
# Few full batches buy more accuracy for an epsilon than many small ones.
CNN_CHANGES: dict[str, Scalar] = {
    "privacy.mechanism": "dp-sgd",
    "rounds": 5,
    "models": "cnn:10",
    "train.batch-size": 5000,
    "train.epochs": 8.0,
    "train.learning-rate": 1.5,
    "train.clipping-norm": 1.0,
    "distill.temperature": 2.0,
    "distill.epochs": 5,
    "distill.learning-rate": 0.003,
    "distill.batch-size": 64,
    "global-student.model": "cnn",
    "global-student.epochs": 15,
    "global-student.learning-rate": 0.003,
    "global-student.batch-size": 64,
    "no-privacy.batch-size": 64,
    "no-privacy.epochs": 3.0,
    "no-privacy.learning-rate": 0.003,
    "fedavg.model": "cnn",
    "fedavg.rounds": 80,
    "fedavg.steps": 1,
    "fedavg.learning-rate": 4.0,
    "fedavg.clipping-norm": 1.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSpec:
    """One of the sweeps.

    Attributes:
        name: of its folder.
        data_set: which of :data:`TITLES`, also its folder below the data folder.
        students: what is trained: :data:`HEADS` or the name of a model.
        changes: keys that differ from the bundled config ``frontier-<data_set>``.
        epsilons: list, as ``fedstill tradeoff`` reads it.
        partitions: how examples are dealt out.
        baselines: list, as ``fedstill tradeoff`` reads it.
        most_seeds: no more than these are run, whatever the user asks for.
    """

    name: str
    data_set: str
    students: str = HEADS
    changes: Mapping[str, Scalar] = field(default_factory=dict)
    epsilons: str = EPSILONS
    partitions: tuple[str, ...] = PARTITIONS
    baselines: str = BASELINES
    most_seeds: int = 1000

    def base(self, data: Path) -> Config:
        """Returns the config that is swept.

        Args:
            data: folder of the data sets' folders.

        Raises:
            ConfigError: with every problem found, one a line.
            DataError: there is no such folder.
        """
        folder = data / self.data_set
        if not folder.is_dir():
            raise DataError(
                f'DATA_FOLDER = "{data}": must hold the folder {self.data_set} with '
                f"the IDX files of {TITLES[self.data_set]}. Nothing was run."
            )
        changes = {**self.changes, "data.path": str(folder)}
        return load_config(find_config(f"frontier-{self.data_set}"), changes)


def _of_cnn(name: str, *, epsilons: str, most_seeds: int) -> SweepSpec:
    return SweepSpec(
        name=name,
        data_set=FASHION_MNIST,
        students=CNN,
        changes=CNN_CHANGES,
        epsilons=epsilons,
        partitions=(VERY_SKEWED,),
        baselines="fedavg",
        most_seeds=most_seeds,
    )


SWEEPS = (
    SweepSpec(name=MNIST, data_set=MNIST),
    SweepSpec(name=FASHION_MNIST, data_set=FASHION_MNIST),
    _of_cnn("fashion-mnist-cnn", epsilons="1,4", most_seeds=3),
    _of_cnn("fashion-mnist-cnn-no-privacy", epsilons="inf", most_seeds=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """A sweep that has ended.

    Attributes:
        spec: what was asked.
        sweep: what came out.
    """

    spec: SweepSpec
    sweep: Sweep


def run_sweep(
    spec: SweepSpec,
    base: Config,
    output: Path,
    *,
    seeds: int,
    jobs: int,
    display: Display,
) -> SweepResult:
    """Runs what is left of a sweep in ``output/<name>``; writes its own report too.

    Args:
        spec: what is swept.
        base: its config.
        output: folder of all the sweeps.
        seeds: how many, from the config's own upwards.
        jobs: cells at a time.
        display: shows the cells as they end.

    Raises:
        FedstillError: as of :func:`~simulations.tradeoff.tradeoff.run_tradeoff`.
    """
    axes = read_axes(
        base,
        epsilon=spec.epsilons,
        seeds=min(seeds, spec.most_seeds),
        partition=",".join(spec.partitions),
        baselines=spec.baselines,
    )
    folder = TradeoffFolder(output / spec.name)
    is_begun = folder.config.exists()
    sweep = run_tradeoff(
        base, axes, folder, jobs=jobs, resume=is_begun, display=display
    )
    write_tradeoff_report(sweep)
    return SweepResult(spec=spec, sweep=sweep)


def rows_of(
    results: Iterable[SweepResult], data_set: str, *, students: str = HEADS
) -> tuple[Row, ...]:
    """Returns the cells of a data set's sweeps that train the same students."""
    return tuple(
        row
        for one in results
        if one.spec.data_set == data_set and one.spec.students == students
        for row in one.sweep.rows
    )
