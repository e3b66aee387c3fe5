"""One seeded permutation of a data set, cut into pieces: no example is in two of them.

Both sides cut alike, and the server then looks at the public pieces only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.config import Config
from common.data.data_set import DataSet, NaturalSites
from common.data.loaders import load_data_set
from common.errors import DataError
from common.seeds import numpy_generator

Rows = NDArray[np.int64]
MOST_NAMED = 20  # sites, in a message


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """Positions of each part in the data set that it comes from.

    Attributes:
        data_set: that was cut.
        transfer: positions in its examples; none where the transfer set is a file.
        validation: positions in its examples.
        test: positions in its test part, where it has one, else in its examples.
        pool: positions of the private examples.
    """

    data_set: DataSet
    transfer: Rows
    validation: Rows
    test: Rows
    pool: Rows


def cut_data_set(config: Config) -> Cut:
    """Returns the cut of the config's data set; a function of ``config`` alone.

    Raises:
        DataError: files that are missing or damaged, or too few examples.
    """
    data_set = load_data_set(config.data)
    examples, own_test = data_set.examples, data_set.test
    if data_set.sites:
        _require_sites(config, data_set.sites, source=examples.source)
    if own_test is not None and own_test.input_shape != examples.input_shape:
        raise DataError(
            f"{own_test.source}: test examples of shape {own_test.input_shape}, must "
            f"be {examples.input_shape} like the others. Nothing was run."
        )
    test_size = config.data.test or (0 if own_test is None else len(own_test))
    if not test_size:
        raise DataError(
            f"[data] test = 0: must be >= 1, {examples.source} has no test part of "
            "its own. Nothing was run."
        )
    sizes = {
        "transfer.size": config.transfer.size,
        "data.validation": config.data.validation,
        "data.test": test_size if own_test is None else 0,
        # A natural site has as many examples as it has.
        "data.per-site": 0 if data_set.sites else sum(config.nominal_examples),
    }
    _require(sizes, available=len(examples), source=examples.source)
    order = numpy_generator(config.seed, "split").permutation(len(examples))
    transfer, validation, test, pool = _pieces(order, list(sizes.values())[:3])
    if own_test is not None:
        _require({"data.test": test_size}, len(own_test), source=own_test.source)
        generator = numpy_generator(config.seed, "test-split")
        test = generator.permutation(len(own_test))[:test_size]
    if config.transfer.is_stand_in:
        transfer, pool = hold_out(pool, config.transfer.from_private, data_set.sites)
        held = {"transfer.from-private": len(transfer)}
        _require(held | sizes, available=len(examples), source=examples.source)
    if config.data.partition in ("iid", "shards"):
        # The others pick by class or by site and want all that there are.
        pool = pool[: sizes["data.per-site"]]
    return Cut(
        data_set=data_set,
        transfer=transfer,
        validation=validation,
        test=test,
        pool=pool,
    )


def hold_out(pool: Rows, share: float, sites: NaturalSites | None) -> tuple[Rows, Rows]:
    """Returns (transfer rows, private rows): a share of every natural site's rows.

    Args:
        pool: rows that would all be private, in the order of the cut.
        share: in (0, 1); what is held out of a site is rounded down.
        sites: whose each row of the data set is; None takes the pool as one.

    Raises:
        DataError: nothing is held out.
    """
    owners = np.zeros(len(pool), np.int64) if sites is None else sites.numbers[pool]
    is_held = np.zeros(len(pool), np.bool_)
    for owner in np.unique(owners):
        rows = np.flatnonzero(owners == owner)
        is_held[rows[: int(share * len(rows))]] = True
    if not is_held.any():
        raise DataError(
            f"[transfer] from-private = {share:g}: holds out none of {len(pool)} "
            "rows, must be larger. Nothing was run."
        )
    return pool[is_held], pool[~is_held]


def _require_sites(config: Config, sites: NaturalSites, *, source: str) -> None:
    found = len(sites.names)
    if found != config.sites:
        some = ", ".join(sites.names[:MOST_NAMED])
        more = ", ..." if found > MOST_NAMED else ""
        raise DataError(
            f"sites = {config.sites}: must be {found}, one for each value of "
            f'[data] partition = "{config.data.partition}" in {source}: {some}{more}. '
            "Nothing was run."
        )


def sites_of(config: Config, cut: Cut) -> NaturalSites | None:
    """Returns whose each private example is, or None where the data do not say.

    Raises:
        DataError: a site without private examples.
    """
    sites = cut.data_set.sites
    if sites is None:
        return None
    numbers = sites.numbers[cut.pool]
    for number, name in enumerate(sites.names):
        if not (numbers == number).any():
            raise DataError(
                f'[data] partition = "{config.data.partition}": {name} has no private '
                "examples left after the public parts were cut. Nothing was run."
            )
    return NaturalSites(names=sites.names, numbers=numbers)


def _pieces(order: Rows, sizes: list[int]) -> list[Rows]:
    return np.split(order, np.cumsum(sizes))


def _require(sizes: dict[str, int], available: int, *, source: str) -> None:
    needed = sum(sizes.values())
    if needed > available:
        parts = " + ".join(f"{size} ({key})" for key, size in sizes.items() if size)
        raise DataError(
            f"{source}: {available} examples, the config asks for {parts} = {needed}. "
            "Nothing was run."
        )
