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
from common.data.digits import load_digits
from common.data.examples import Images, LabelledExamples
from common.data.idx import load_idx
from common.errors import DataError
from common.seeds import numpy_generator
from common.transfer_set import TransferSet

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PublicParts:
    """What everybody may know.

    Attributes:
        transfer: the transfer set, without labels.
        validation: for choosing hyper-parameters.
        test: for reported figures only.
        num_classes: number of classes.
        input_shape: shape of one example.
    """

    transfer: TransferSet
    validation: LabelledExamples
    test: LabelledExamples
    num_classes: int
    input_shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts(PublicParts):
    """All parts; for simulations, which deal the private pool out to their sites.

    Attributes:
        private_pool: what the partition deals out.
    """

    private_pool: LabelledExamples


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cut:
    """Positions of each part in the images that it comes from."""

    images: Images
    test_images: Images
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
    public = _public(cut)
    return Parts(
        transfer=public.transfer,
        validation=public.validation,
        test=public.test,
        num_classes=public.num_classes,
        input_shape=public.input_shape,
        private_pool=cut.images.select(cut.pool),
    )


def load_public_parts(config: Config) -> PublicParts:
    """Returns the same public parts as :func:`load_parts`, and no private example.

    Raises:
        DataError: files that are missing or damaged, or too few examples.
    """
    return _public(_cut(config))


def _public(cut: _Cut) -> PublicParts:
    return PublicParts(
        transfer=TransferSet(inputs=cut.images.inputs(cut.transfer)),
        validation=cut.images.select(cut.validation),
        test=cut.test_images.select(cut.test),
        num_classes=cut.images.num_classes,
        input_shape=cut.images.input_shape,
    )


def _cut(config: Config) -> _Cut:
    has_test_files = config.data.name == "idx"
    if has_test_files:
        images, test_images = load_idx(Path(config.data.path))
    else:
        images = test_images = load_digits()
    test_size = config.data.test or len(test_images)
    sizes = {
        "transfer.size": config.transfer.size,
        "data.validation": config.data.validation,
        "data.test": 0 if has_test_files else test_size,
        "data.per-site": sum(config.nominal_examples),
    }
    _require(sizes, available=len(images), source=images.source)
    order = numpy_generator(config.seed, "split").permutation(len(images))
    transfer, validation, test, pool = _pieces(order, list(sizes.values())[:3])
    if has_test_files:
        _require({"data.test": test_size}, len(test_images), source=test_images.source)
        generator = numpy_generator(config.seed, "test-split")
        test = generator.permutation(len(test_images))[:test_size]
    if config.data.partition != "dirichlet":
        # The Dirichlet partition picks by class and wants a choice; others do not.
        pool = pool[: sizes["data.per-site"]]
    return _Cut(
        images=images,
        test_images=test_images,
        transfer=transfer,
        validation=validation,
        test=test,
        pool=pool,
    )


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
