"""Who gets which private examples: flwr-datasets' partitioners as a pure function.

- ``iid``: a random permutation cut into pieces.
- ``shards``: examples sorted by label and cut into shards (McMahan et al. 2017,
  https://arxiv.org/abs/1602.05629).
- ``dirichlet``: fixed sizes, a Dirichlet draw of class shares for each site (Acar et
  al. 2021, "Federated Learning Based on Dynamic Regularization",
  https://arxiv.org/abs/2111.04263).
- ``by:file`` and ``by:<column>``: natural sites, as the data name them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from datasets import Dataset
from flwr_datasets.partitioner import (
    InnerDirichletPartitioner,
    Partitioner,
    ShardPartitioner,
    SizePartitioner,
)
from numpy.typing import NDArray

from common.arrays import read_only
from common.errors import DataError

LABEL, ROW = "label", "row"
MOST_REMEMBERED = 8


def partition(
    labels: NDArray[np.int64],
    *,
    sizes: Sequence[int],
    scheme: str,
    alpha: float,
    shards_per_site: int,
    seed: int,
) -> tuple[NDArray[np.int64], ...]:
    """Returns the rows of each site: disjoint, of exactly the asked sizes.

    Args:
        labels: int64 [num_examples], of the whole pool.
        sizes: number of examples of each site, each >= 1.
        scheme: ``iid``, ``shards`` or ``dirichlet``.
        alpha: concentration of the Dirichlet distribution, > 0; small is skewed.
        shards_per_site: shards of one size that a site gets.
        seed: public seed; the result depends on the arguments alone.

    Raises:
        DataError: too few examples, an empty site, or sizes and classes that the
            scheme cannot deal out.
    """
    _check_sizes(sizes, available=len(labels))
    return _dealt_out(
        np.asarray(labels, np.int64).tobytes(),
        tuple(int(size) for size in sizes),
        scheme=scheme,
        alpha=float(alpha),
        shards_per_site=shards_per_site,
        seed=seed,
    )


@lru_cache(maxsize=MOST_REMEMBERED)
def _dealt_out(
    label_bytes: bytes,
    sizes: tuple[int, ...],
    *,
    scheme: str,
    alpha: float,
    shards_per_site: int,
    seed: int,
) -> tuple[NDArray[np.int64], ...]:
    """Deals out; a sweep asks for the same partition at every epsilon."""
    labels = np.frombuffer(label_bytes, np.int64)
    pieces = _pieces(
        labels,
        sizes,
        scheme=scheme,
        alpha=alpha,
        shards_per_site=shards_per_site,
        seed=seed,
    )
    return tuple(read_only(rows, np.int64) for rows in pieces)


def _pieces(
    labels: NDArray[np.int64],
    sizes: tuple[int, ...],
    *,
    scheme: str,
    alpha: float,
    shards_per_site: int,
    seed: int,
) -> tuple[NDArray[np.int64], ...]:
    if scheme == "iid":
        order = np.random.default_rng(seed).permutation(len(labels))
        pieces = _deal(SizePartitioner(list(sizes)), labels[order])
        return tuple(order[rows] for rows in pieces)
    if scheme == "shards":
        return _deal(_shards(sizes, shards_per_site, seed=seed), labels)
    if scheme == "dirichlet":
        return _dirichlet(labels, sizes, alpha=alpha, seed=seed)
    raise DataError(
        f"[data] partition = {scheme!r}: must be one of iid, dirichlet, shards. "
        "Nothing was run."
    )


def natural_partition(
    numbers: NDArray[np.int64], *, sites: int
) -> tuple[NDArray[np.int64], ...]:
    """Returns the rows of each natural site: all that are its own, in order.

    Args:
        numbers: int64 [num_examples], whose each example is.
        sites: number of sites.
    """
    return tuple(np.flatnonzero(numbers == number) for number in range(sites))


def _check_sizes(sizes: Sequence[int], *, available: int) -> None:
    for number, size in enumerate(sizes):
        if size < 1:
            raise DataError(
                f"[data] per-site: site {number} would get {size} examples, must be "
                ">= 1. Nothing was run."
            )
    if sum(sizes) > available:
        raise DataError(
            f"[data] per-site: {len(sizes)} sites ask for {sum(sizes)} examples, the "
            f"private pool has {available}. Nothing was run."
        )


def _shards(
    sizes: Sequence[int], shards_per_site: int, *, seed: int
) -> ShardPartitioner:
    if len(set(sizes)) != 1 or sizes[0] % shards_per_site:
        raise DataError(
            f"[data] per-site: shards need one size for all sites that is a multiple "
            f"of shards-per-site = {shards_per_site}, got "
            f"{sorted(set(sizes))}. Nothing was run."
        )
    return ShardPartitioner(
        num_partitions=len(sizes),
        partition_by=LABEL,
        num_shards_per_partition=shards_per_site,
        shard_size=sizes[0] // shards_per_site,
        seed=seed,
    )


def _dirichlet(
    labels: NDArray[np.int64], sizes: Sequence[int], *, alpha: float, seed: int
) -> tuple[NDArray[np.int64], ...]:
    # The partitioner numbers classes by counting them, so a gap would lose a class.
    _, dense = np.unique(labels, return_inverse=True)
    partitioner = InnerDirichletPartitioner(
        partition_sizes=[int(size) for size in sizes],
        partition_by=LABEL,
        alpha=float(alpha),
        seed=seed,
    )
    try:
        return _deal(partitioner, dense.astype(np.int64))
    except ValueError as error:
        # flower#4377: a site whose classes have run out is left with 0 / 0 shares.
        raise DataError(
            f"[data] alpha = {alpha:g}: the examples of some site's classes ran out, "
            "a larger alpha, a smaller per-site or another seed avoids it. Nothing was "
            "run."
        ) from error


def _deal(
    partitioner: Partitioner, labels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], ...]:
    partitioner.dataset = Dataset.from_dict(
        {LABEL: labels.tolist(), ROW: list(range(len(labels)))}
    )
    with warnings.catch_warnings():
        # It warns of sizes that leave some of the pool over, which is what we ask
        # for, and of 0 / 0, which we turn into an error.
        warnings.simplefilter("ignore")
        return tuple(
            np.asarray(partitioner.load_partition(site)[ROW], np.int64)
            for site in range(partitioner.num_partitions)
        )
