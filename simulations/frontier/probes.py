"""The limits that are shown: one thing changed at a time, on Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.config import Config
from common.run_plan import Scalar
from simulations.engines.inline import Faults
from simulations.frontier.sweeps import IID, SKEWED, VERY_SKEWED
from simulations.tradeoff.catalogue import FEDERATION
from simulations.tradeoff.cells import Cell
from simulations.tradeoff.grid import Task, cell_config

EPSILON = 1.0
SEEDS = (1, 2)
# Each half of the one before, the last as large: 50,000 as at ten equal sites.
HALVING = "25000,12500,6250,3125,1563,781,391,195,98,97"
# Gone from the first message on: nobody waits for them, and no round has them.
LAST_TWO_GONE = Faults(gone_after={8: 1, 9: 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A federation in which something is different.

    Attributes:
        name: unique; names the run.
        words: what is different, as a row of the table.
        meaning: what that does, in a line.
        changes: keys of the config.
        partition: how examples are dealt out.
        faults: what goes wrong on purpose.
    """

    name: str
    words: str
    meaning: str
    changes: Mapping[str, Scalar] = field(default_factory=dict)
    partition: str = SKEWED
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Probes that are compared with one another.

    Attributes:
        title: its headline.
        probes: the first one is what the others are compared with.
    """

    title: str
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTask:
    """A probe with a seed, ready to run.

    Attributes:
        probe: what is probed.
        task: its cell and config, which name its file.
    """

    probe: Probe
    task: Task


def sections(other_world: str) -> tuple[Section, ...]:
    """Returns everything that is probed, in the order of the page.

    Args:
        other_world: file of a transfer set of another kind of images.
    """
    return (
        Section(title="The transfer set", probes=_transfer_sets(other_world)),
        Section(title="The sites", probes=_sites()),
        Section(title="Two of ten sites away, iid", probes=_away(IID)),
        Section(
            title="Two of ten sites away, Dirichlet 0.1", probes=_away(VERY_SKEWED)
        ),
        Section(title="Bytes", probes=_bytes()),
    )


def tasks_of(
    base: Config, chosen: tuple[Section, ...], *, seeds: tuple[int, ...] = SEEDS
) -> tuple[ProbeTask, ...]:
    """Returns every probe once with every seed.

    Those that share a seed and a transfer set, and with them public features that take
    longer than a run, stand together.

    Args:
        base: the config in which something is changed.
        chosen: the sections.
        seeds: run seeds.

    Raises:
        ConfigError: a probe's config contradicts itself.
        ValueError: two probes of one name.
    """
    probes = _distinct(chosen)
    made = [
        ProbeTask(probe=probe, task=_task(base, probe, seed))
        for probe in probes.values()
        for seed in seeds
    ]

    def features(one: ProbeTask) -> tuple[int, str, int]:
        config = one.task.config
        return config.seed, config.transfer.path, config.transfer.size

    return tuple(sorted(made, key=features))


def _distinct(chosen: tuple[Section, ...]) -> dict[str, Probe]:
    """Returns the probes by name; one may stand in several sections, in other words."""
    found = dict[str, Probe]()
    for probe in (one for section in chosen for one in section.probes):
        known = found.setdefault(probe.name, probe)
        if (known.changes, known.partition, known.faults) != (
            probe.changes,
            probe.partition,
            probe.faults,
        ):
            raise ValueError(f"Expected one probe of the name {probe.name!r}.")
    return found


def _task(base: Config, probe: Probe, seed: int) -> Task:
    cell = Cell(
        method=FEDERATION,
        mechanism="dp-head",
        rule="log-opinion-pool",
        partition=probe.partition,
        epsilon=EPSILON,
        seed=seed,
    )
    named = {**probe.changes, "name": f"limits-{probe.name}"}
    return Task(cell=cell, config=cell_config(base, cell).with_overrides(named))


def _reference(words: str) -> Probe:
    return Probe(name="reference", words=words, meaning="what the others stand beside")


def _transfer_sets(other_world: str) -> tuple[Probe, ...]:
    small = tuple(
        Probe(
            name=f"transfer-{size}",
            words=f"{size:,}",
            meaning="fewer images to learn features from"
            if size >= 1000  # noqa: PLR2004 - labels of a round
            else "and fewer soft labels a round",
            changes={"transfer.size": size, "transfer.per-round": min(size, 1000)},
        )
        for size in (5000, 1000, 500, 250)
    )
    digits = Probe(
        name="other-world",
        words="9,000 digits of MNIST",
        meaning="features and labels on images that are no clothes",
        changes={"transfer.size": 0, "transfer.path": other_world},
    )
    return (_reference("9,000 images of clothes"), *small, digits)


def _sites() -> tuple[Probe, ...]:
    return (
        _reference("10 sites x 5,000"),
        _of_sites(30, 1666, "the same examples, three times the noises"),
        _of_sites(100, 500, "the same examples, ten times the noises"),
        Probe(
            name="small-sites",
            words="10 sites x 200",
            meaning="a 25th of the examples under the same noises",
            changes={"data.per-site": "200"},
        ),
        Probe(
            name="unequal-sites",
            words="10 sites of 25,000 to 97",
            meaning="the same examples; a small site adds as much noise as a large one",
            changes={"data.per-site": HALVING},
        ),
    )


def _of_sites(count: int, size: int, meaning: str) -> Probe:
    return Probe(
        name=f"sites-{count}",
        words=f"{count} sites x {size:,}",
        meaning=meaning,
        changes={
            "sites": count,
            "models": f"linear:{count}",
            "data.per-site": str(size),
        },
    )


def _away(partition: str) -> tuple[Probe, ...]:
    mark = partition.replace(":", "-")
    return (
        Probe(
            name=f"present-{mark}",
            words="nobody",
            meaning="what the others stand beside",
            partition=partition,
        ),
        Probe(
            name=f"away-random-{mark}",
            words="a random two each round",
            meaning="each site is heard in most rounds",
            partition=partition,
            changes={"round.fraction": 0.8},
        ),
        Probe(
            name=f"away-same-{mark}",
            words="the same two always",
            meaning="their examples are never heard",
            partition=partition,
            faults=LAST_TWO_GONE,
        ),
    )


def _bytes() -> tuple[Probe, ...]:
    packed = tuple(
        Probe(
            name=f"bytes-300-{bits}",
            words=f"300 labels, {bits} bits",
            meaning="",
            changes={"transfer.per-round": 300, "codec.bits": bits},
        )
        for bits in (8, 6, 4)
    )
    wide = Probe(
        name="bytes-1000-32",
        words="1,000 labels, float32",
        meaning="",
        changes={"codec.bits": 32},
    )
    return (wide, _reference("1,000 labels, 8 bits"), *packed)
