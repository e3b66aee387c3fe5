"""What a sweep is spread over, read from the lists that a user types in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.config import Config
from common.errors import ConfigError
from simulations.tradeoff.catalogue import BASELINES, is_there

MECHANISMS = ("dp-head", "dp-sgd")
MOST_SEEDS = 1000
SEPARATOR = ","
AUTO = "auto"  # the rule that goes with the students


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The axes; none is empty but the baselines, and no value is there twice.

    Attributes:
        epsilons: ascending, > 0; infinite is without privacy.
        mechanisms: privacy mechanisms, the first one makes the headline.
        rules: aggregation rules of ordinary students; ``auto`` is the config's own.
        partitions: such as ``iid``, ``dirichlet:0.5``, ``shards:2``.
        seeds: run seeds.
        baselines: what the federation is compared with.
    """

    epsilons: tuple[float, ...]
    mechanisms: tuple[str, ...]
    rules: tuple[str, ...]
    partitions: tuple[str, ...]
    seeds: tuple[int, ...]
    baselines: tuple[str, ...]


def read_axes(
    base: Config,
    *,
    epsilon: str,
    seeds: int,
    mechanism: str | None = None,
    rule: str | None = None,
    partition: str | None = None,
    baselines: str | None = None,
) -> Axes:
    """Returns the axes; what is not named is as in the config.

    Args:
        base: the config that is swept.
        epsilon: list of numbers and ``inf``.
        seeds: how many seeds, from the config's own upwards.
        mechanism: list of mechanisms.
        rule: list of aggregation rules.
        partition: list of partitions.
        baselines: list of baselines, empty for none. None takes all that are there
            for one of the mechanisms, or none where the config says so.

    Raises:
        ConfigError: names the option, its value and what is allowed.
    """
    mechanisms = (
        _listed("--mechanism", mechanism, allowed=MECHANISMS)
        if mechanism is not None
        else (own_mechanism(base),)
    )
    if not 1 <= seeds <= MOST_SEEDS:
        raise _fault("--seeds", str(seeds), f"must be from 1 to {MOST_SEEDS}")
    return Axes(
        epsilons=tuple(sorted({_epsilon(one) for one in _parts("--epsilon", epsilon)})),
        mechanisms=mechanisms,
        rules=(AUTO,) if rule is None else _listed("--rule", rule),
        partitions=(own_partition(base),)
        if partition is None
        else _listed("--partition", partition),
        seeds=tuple(range(base.seed, base.seed + seeds)),
        baselines=_baselines(base, baselines, mechanisms),
    )


def own_mechanism(base: Config) -> str:
    """Returns the mechanism that a config's private runs have."""
    return "dp-head" if base.has_heads else "dp-sgd"


def own_partition(base: Config) -> str:
    """Returns a config's partition as text."""
    data = base.data
    if data.partition == "dirichlet":
        return f"dirichlet:{data.alpha:g}"
    if data.partition == "shards":
        return f"shards:{data.shards_per_site}"
    return str(data.partition)


def list_text(values: tuple[object, ...]) -> str:
    """Returns values as a list that :func:`read_axes` reads again."""
    return SEPARATOR.join(
        f"{one:g}" if isinstance(one, float) else str(one) for one in values
    )


def _baselines(
    base: Config, text: str | None, mechanisms: tuple[str, ...]
) -> tuple[str, ...]:
    there = tuple(
        name for name in BASELINES if any(is_there(name, one) for one in mechanisms)
    )
    if text is None:
        return there if base.baselines.enabled else ()
    if not text:
        return ()
    chosen = _listed("--baselines", text, allowed=BASELINES)
    for name in chosen:
        if name not in there:
            raise _fault(
                "--baselines",
                name,
                f"is not there for {' or '.join(mechanisms)}, there are "
                f"{', '.join(there) or 'none'}",
            )
    return chosen


def _epsilon(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0:
        raise _fault("--epsilon", text, "must be > 0, or inf for no privacy")
    return value


def _listed(
    option: str, text: str, *, allowed: tuple[str, ...] = ()
) -> tuple[str, ...]:
    parts = _parts(option, text)
    for part in parts:
        if allowed and part not in allowed:
            raise _fault(option, part, f"must be one or more of {', '.join(allowed)}")
    return parts


def _parts(option: str, text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in text.split(SEPARATOR)]
    if not all(parts):
        raise _fault(option, text, "must be values separated by commas")
    return tuple(dict.fromkeys(parts))


def _fault(option: str, value: str, allowed: str) -> ConfigError:
    return ConfigError(f"{option} = {value!r}: {allowed}. Nothing was run.")
