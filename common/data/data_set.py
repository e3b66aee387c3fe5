"""A data set as it was read, before it is cut into parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from common.data.examples import LabelledExamples


class Examples(Protocol):
    """Labelled examples from which a part is selected."""

    @property
    def num_classes(self) -> int:
        """Number of classes, a public constant."""

    @property
    def source(self) -> str:
        """Where they come from, for messages."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example."""

    def __len__(self) -> int: ...

    def select(self, rows: NDArray[np.int64]) -> LabelledExamples:
        """Returns the examples at ``rows``, in that order."""

    def inputs(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the inputs at ``rows`` without labels."""


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class NaturalSites:
    """Which site each example comes from, where the data themselves say so.

    Attributes:
        names: what the data call the sites, sorted: the first is ``site-00``.
        numbers: int64 [num_examples], positions in ``names``.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> NaturalSites:
        """Returns the sites that ``texts`` name, one text an example."""
        names = tuple(sorted(set(texts)))
        positions = {name: number for number, name in enumerate(names)}
        numbers = np.asarray([positions[text] for text in texts], np.int64)
        return cls(names=names, numbers=numbers)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class DataSet:
    """What a loader returns.

    Attributes:
        examples: what is cut into parts.
        test: test examples of their own, where the data set has such.
        sites: natural sites of ``examples``, where the partition asks for them.
    """

    examples: Examples
    test: Examples | None = None
    sites: NaturalSites | None = None
