"""Transfer set, validation, test and private pool: disjoint by construction.

One seeded permutation of the data set is cut into pieces, so no example can be in two
of them. The server loads the public parts only; both sides cut alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.config import Config
from common.data.data_set import DataSet, NaturalSites
from common.data.examples import LabelledExamples
from common.data.loaders import load_data_set
from common.data.transfer_file import read_transfer_set
from common.errors import DataError
from common.seeds import numpy_generator
from common.transfer_set import TransferSet

Rows = NDArray[np.int64]
MOST_NAMED = 20  # sites, in a message


@dataclass(frozen=True, kw_only=True, eq=False)
class PublicParts:
    """What everybody may know.

    Attributes:
        transfer: the transfer set, without labels.
        validation: for choosing hyper-parameters.
        test: for reported figures only.
        num_classes: number of classes.
        input_shape: shape of one example.
        white: what whole numbers were divided by; None where inputs came as they are.
        class_names: one a class, in order; None where classes have numbers only.
    """

    transfer: TransferSet
    validation: LabelledExamples
    test: LabelledExamples
    num_classes: int
    input_shape: tuple[int, ...]
    white: int | None = None
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts(PublicParts):
    """All parts; for simulations, which deal the private pool out to their sites.

    Attributes:
        private_pool: what the partition deals out.
        natural_sites: whose each private example is, where the data say so; the
            first name is that of ``site-00``.
    """

    private_pool: LabelledExamples
    natural_sites: NaturalSites | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cut:
    """Positions of each part in the data set that it comes from."""

    data_set: DataSet
    transfer: Rows
    validation: Rows
    test: Rows
    pool: Rows


def load_parts(config: Config) -> Parts:
    """Returns the parts of the config's data set; a function of ``config`` alone.

    Raises:
        DataError: files that are missing or damaged, or too few examples.
    """
    cut = _cut(config)
    public = _public(config, cut)
    return Parts(
        transfer=public.transfer,
        validation=public.validation,
        test=public.test,
        num_classes=public.num_classes,
        input_shape=public.input_shape,
        white=public.white,
        class_names=public.class_names,
        private_pool=cut.data_set.examples.select(cut.pool),
        natural_sites=_sites_of(config, cut),
    )


def load_public_parts(config: Config) -> PublicParts:
    """Returns the same public parts as :func:`load_parts`, and no private example.

    Raises:
        DataError: files that are missing or damaged, or too few examples.
    """
    return _public(config, _cut(config))


def _public(config: Config, cut: _Cut) -> PublicParts:
    examples, own_test = cut.data_set.examples, cut.data_set.test
    return PublicParts(
        transfer=_transfer(config, cut),
        validation=examples.select(cut.validation),
        test=(examples if own_test is None else own_test).select(cut.test),
        num_classes=examples.num_classes,
        input_shape=examples.input_shape,
        white=getattr(examples, "white", None),
        class_names=getattr(examples, "class_names", None),
    )


def _transfer(config: Config, cut: _Cut) -> TransferSet:
    examples, wanted = cut.data_set.examples, config.transfer
    if wanted.path:
        transfer = read_transfer_set(Path(wanted.path))
    else:
        transfer = TransferSet(inputs=examples.inputs(cut.transfer))
    found = transfer.inputs.shape[1:]
    if found != examples.input_shape:
        raise DataError(
            f'[transfer] path = "{wanted.path}": examples of shape {found}, must be '
            f"{examples.input_shape} like those of {examples.source}. Nothing was run."
        )
    if wanted.per_round > len(transfer):
        raise DataError(
            f"[transfer] per-round = {wanted.per_round}: must be <= {len(transfer)}, "
            "the number of examples in the transfer set. Nothing was run."
        )
    return transfer


def _cut(config: Config) -> _Cut:
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
    return _Cut(
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


def _sites_of(config: Config, cut: _Cut) -> NaturalSites | None:
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
