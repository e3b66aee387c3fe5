"""The sections about what a run is compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from common.config.lists import check_model_name
from common.config.section import Count, Positive, Section


def _fedavg_model(name: str) -> str:
    if name != "head":
        check_model_name(name)
    return name


class Alone(Section):
    """``[alone]``: hyper-parameters of the baseline in which each site is alone.

    Attributes:
        learning_rate: as in :class:`Train`, chosen for this baseline.
        clipping_norm: as in :class:`Train`, chosen for this baseline.
    """

    learning_rate: Positive = 2.0
    clipping_norm: Positive = 1.0


class NoPrivacy(Section):
    """``[no-privacy]``: private training where the mechanism is none, by plain Adam.

    Noise asks for few, large steps and plain training for many small ones, so a run
    without privacy reads this section in place of :class:`Train`.

    Attributes:
        students: ``models`` by Adam, or additive ``heads`` without noise, which read
            ``[head]`` and nothing below.
        batch_size: expected examples a step at a site of mean nominal size.
        epochs: passes over the private data a round.
        learning_rate: Adam's, dimensionless.
    """

    students: Literal["models", "heads"] = "models"
    batch_size: Count = 32
    epochs: Positive = 3.0
    learning_rate: Positive = 0.003


class Pooled(Section):
    """``[pooled]``: the baseline that trains on all private data in one place.

    Attributes:
        epochs: passes over all private data.
        learning_rate: Adam's, dimensionless.
        batch_size: examples a step.
    """

    epochs: Count = 30
    learning_rate: Positive = 0.003
    batch_size: Count = 64


class FedAvg(Section):
    """``[fedavg]``: DP-FedAvg, the baseline that exchanges weights.

    McMahan et al. (2017) with example-level DP-SGD at each site; the budget is the
    run's own.

    Attributes:
        model: a name from the zoo, or ``head``: a linear head on the public features.
        rounds: rounds of exchange.
        steps: full-batch private steps a round.
        learning_rate: of plain SGD, dimensionless.
        clipping_norm: L2 bound of an example's gradient.
    """

    model: Annotated[str, AfterValidator(_fedavg_model)] = "head"
    rounds: Count = 10
    steps: Count = 1
    learning_rate: Positive = 2.0
    clipping_norm: Positive = 1.0


class Baselines(Section):
    """``[baselines]``: what the report compares with.

    Attributes:
        enabled: whether a simulation runs them.
    """

    enabled: bool = True
