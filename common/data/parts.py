"""Transfer set, validation, test and private pool: disjoint by construction.

The server loads the public parts only. In a deployed run it has a transfer set and
perhaps examples of its own to test on, and the sites have the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.config import Config
from common.config.data_sections import AT_SITES, Data
from common.data.cut import Cut, cut_data_set, sites_of
from common.data.data_set import NaturalSites
from common.data.examples import LabelledExamples
from common.data.npz import load_npz
from common.data.transfer_file import read_transfer_set
from common.errors import DataError
from common.transfer_set import TransferSet


@dataclass(frozen=True, kw_only=True, eq=False)
class PublicParts:
    """What everybody may know.

    Attributes:
        transfer: the transfer set, without labels.
        validation: for choosing hyper-parameters; None where there are none.
        test: for reported figures only; None where there are none.
        num_classes: number of classes.
        input_shape: shape of one example.
        white: what whole numbers were divided by; None where inputs came as they are.
        class_names: one a class, in order; None where classes have numbers only.
    """

    transfer: TransferSet
    validation: LabelledExamples | None
    test: LabelledExamples | None
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

    validation: LabelledExamples
    test: LabelledExamples
    private_pool: LabelledExamples
    natural_sites: NaturalSites | None = None


def load_parts(config: Config) -> Parts:
    """Returns the parts of the config's data set; a function of ``config`` alone.

    Raises:
        DataError: files that are missing or damaged, or too few examples.
    """
    if config.data.is_at_sites:
        raise DataError(
            f'[data] name = "{AT_SITES}": the private examples are at the sites, so '
            "there is nothing to simulate with; `fedstill run` asks the sites. Nothing "
            "was run."
        )
    cut = cut_data_set(config)
    public = _public(config, cut)
    return Parts(
        transfer=public.transfer,
        validation=cut.data_set.examples.select(cut.validation),
        test=_test(config, cut),
        num_classes=public.num_classes,
        input_shape=public.input_shape,
        white=public.white,
        class_names=public.class_names,
        private_pool=cut.data_set.examples.select(cut.pool),
        natural_sites=sites_of(config, cut),
    )


def load_public_parts(config: Config) -> PublicParts:
    """Returns the same public parts as :func:`load_parts`, and no private example.

    Raises:
        DataError: files that are missing or damaged, or too few examples.
    """
    if config.data.is_at_sites:
        return _transfer_alone(config)
    return _public(config, cut_data_set(config))


def _transfer_alone(config: Config) -> PublicParts:
    """Returns what a coordinator without data of the kind has."""
    transfer = read_transfer_set(Path(config.transfer.path))
    _require_enough(config, transfer)
    shape, num_classes = transfer.inputs.shape[1:], config.data.classes
    return PublicParts(
        transfer=transfer,
        validation=None,
        test=_evaluation(config, num_classes=num_classes, input_shape=shape)
        if config.evaluation.path
        else None,
        num_classes=num_classes,
        input_shape=shape,
    )


def _public(config: Config, cut: Cut) -> PublicParts:
    examples = cut.data_set.examples
    return PublicParts(
        transfer=_transfer(config, cut),
        validation=examples.select(cut.validation),
        test=_test(config, cut),
        num_classes=examples.num_classes,
        input_shape=examples.input_shape,
        white=getattr(examples, "white", None),
        class_names=getattr(examples, "class_names", None),
    )


def _test(config: Config, cut: Cut) -> LabelledExamples:
    examples, own_test = cut.data_set.examples, cut.data_set.test
    if config.evaluation.path:
        return _evaluation(
            config, num_classes=examples.num_classes, input_shape=examples.input_shape
        )
    return (examples if own_test is None else own_test).select(cut.test)


def _evaluation(
    config: Config, *, num_classes: int, input_shape: tuple[int, ...]
) -> LabelledExamples:
    """Returns the coordinator's own public examples, all of them."""
    path = config.evaluation.path
    examples = load_npz(Data(name="npz", path=path, classes=num_classes)).examples
    if examples.input_shape != input_shape:
        raise DataError(
            f'[evaluation] path = "{path}": examples of shape {examples.input_shape}, '
            f"must be {input_shape} like those of the transfer set. Nothing was run."
        )
    return examples.select(np.arange(len(examples)))


def _transfer(config: Config, cut: Cut) -> TransferSet:
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
    _require_enough(config, transfer)
    return transfer


def _require_enough(config: Config, transfer: TransferSet) -> None:
    asked = config.transfer.per_round
    if asked > len(transfer):
        raise DataError(
            f"[transfer] per-round = {asked}: must be <= {len(transfer)}, the number "
            "of examples in the transfer set. Nothing was run."
        )
