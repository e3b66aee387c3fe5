"""From axes to cells, and from a cell to the config that it runs with."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from common.config import Config
from common.errors import ConfigError
from common.run_plan import Scalar
from simulations.tradeoff.axes import AUTO, Axes, own_mechanism
from simulations.tradeoff.catalogue import (
    FEDAVG,
    FEDERATION,
    NO_PRIVACY,
    VARIES_WITH,
    is_there,
    mechanism_of,
    students_of,
)
from simulations.tradeoff.cells import Cell

KEY_DIGITS = 20
# Values that were chosen for one kind of students and would be wrong for the other.
FOLLOW_THE_STUDENTS: dict[str, Scalar] = {
    "rounds": 0,
    "aggregation.rule": "auto",
    "codec.name": "auto",
    "global-student.model": "auto",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A cell, ready to run.

    Attributes:
        cell: which one.
        config: what it runs with.
    """

    cell: Cell
    config: Config

    @property
    def key(self) -> str:
        """Names the cell's file; another cell or another config has another key."""
        cell = self.cell
        content = [
            cell.method,
            cell.mechanism,
            cell.rule,
            cell.partition,
            f"{cell.epsilon!r}",
            cell.seed,
            self.config.run_id,
        ]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        return digest[:KEY_DIGITS]

    @property
    def group(self) -> int:
        """Cells of one seed share the transfer set, and so its public features."""
        return self.cell.seed


def make_tasks(
    base: Config, axes: Axes, *, fixed: Collection[str] = ()
) -> tuple[Task, ...]:
    """Returns every cell with its config: groups one after the other, ours first.

    Args:
        base: the config that is swept.
        axes: over what.
        fixed: dotted keys that hold for every mechanism because the user typed them.

    Raises:
        ConfigError: a cell's config contradicts itself, or the base fixes the noise.
    """
    if base.engine != "inline":
        raise ConfigError(
            f"engine = {base.engine!r}: `tradeoff` runs the engine 'inline'. Nothing "
            "was run."
        )
    if base.privacy.noise_multiplier:
        raise ConfigError(
            f"[privacy] noise-multiplier = {base.privacy.noise_multiplier:g}: must be "
            "0 in a sweep, where epsilon decides on the noise. Nothing was run."
        )
    return tuple(
        Task(cell=cell, config=cell_config(base, cell, fixed=fixed))
        for seed in axes.seeds  # which decides on the transfer set and its features
        for partition in axes.partitions
        for cell in _cells(base, axes, partition=partition, seed=seed)
    )


def cell_config(base: Config, cell: Cell, *, fixed: Collection[str] = ()) -> Config:
    """Returns what a cell runs with.

    Args:
        base: the config that is swept.
        cell: the cell.
        fixed: as in :func:`make_tasks`.

    Raises:
        ConfigError: with every problem found, one a line.
    """
    # DP-FedAvg has a section of its own and may run beside either kind of students.
    mechanism = own_mechanism(base) if cell.method == FEDAVG else cell.mechanism
    students = students_of(mechanism)
    changes: dict[str, Scalar] = {"seed": cell.seed, "baselines.enabled": False}
    changes |= {"output": "", "resume": False}
    changes |= _partition_keys(cell.partition)
    if (students == "heads") != base.has_heads:
        changes |= {
            key: value for key, value in FOLLOW_THE_STUDENTS.items() if key not in fixed
        }
    if cell.rule:
        changes["aggregation.rule"] = cell.rule
    if cell.is_private:
        changes |= {"privacy.mechanism": mechanism, "privacy.epsilon": cell.epsilon}
    else:
        changes |= {"privacy.mechanism": "none", "allow-non-private": True}
        changes["no-privacy.students"] = students
    return base.with_overrides(changes)


def _cells(base: Config, axes: Axes, *, partition: str, seed: int) -> Iterator[Cell]:
    found = dict[Cell, None]()  # a set that keeps the order
    for method in (FEDERATION, *axes.baselines):
        for mechanism in axes.mechanisms:
            for rule in _rules(base, axes, mechanism):
                for epsilon in axes.epsilons:
                    cell = _of_method(
                        Cell(
                            method=method,
                            mechanism=mechanism,
                            rule=rule,
                            partition=partition,
                            epsilon=epsilon,
                            seed=seed,
                        )
                    )
                    if is_there(method, cell.mechanism):
                        found[cell] = None
    if math.inf in axes.epsilons:
        # It would be the federation's own last column again.
        yield from (cell for cell in found if cell.method != NO_PRIVACY)
    else:
        yield from found


def _of_method(cell: Cell) -> Cell:
    """Returns the cell without the axes that its method does not depend on."""
    axes = VARIES_WITH[cell.method]
    if "epsilon" not in axes:
        cell = replace(cell, epsilon=math.inf)
    if "rule" not in axes:
        cell = replace(cell, rule="")
    return replace(cell, mechanism=mechanism_of(cell.method, cell.mechanism))


def _rules(base: Config, axes: Axes, mechanism: str) -> tuple[str, ...]:
    if students_of(mechanism) == "heads":
        # No other rule is the step that pooled data would have taken. One that the
        # user named for heads alone is refused with the config, not passed over.
        if set(axes.mechanisms) != {mechanism}:
            return ("log-opinion-pool",)
        automatic = "log-opinion-pool"
    else:
        automatic = "enhanced-era" if base.has_heads else base.aggregation_rule
    return tuple(automatic if rule == AUTO else rule for rule in axes.rules)


def _partition_keys(partition: str) -> dict[str, Scalar]:
    name, colon, value = partition.partition(":")
    key = {"dirichlet": "data.alpha", "shards": "data.shards-per-site"}.get(name)
    if not colon or key is None:
        return {"data.partition": partition}
    try:
        number = int(value) if name == "shards" else float(value)
    except ValueError:
        raise ConfigError(
            f"--partition = {partition!r}: {value!r} is no number, such as "
            "dirichlet:0.5 or shards:2. Nothing was run."
        ) from None
    return {"data.partition": name, key: number}
