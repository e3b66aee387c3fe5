"""The sections about a run itself: rounds, distillation, training, privacy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from common.config.lists import RULE_NAMES, check_rule
from common.config.section import Count, CountOrZero, Positive, Section, Share

FLOAT32_BITS = 32
MOST_PACKED_BITS = 8


def _bits(bits: int) -> int:
    if MOST_PACKED_BITS < bits < FLOAT32_BITS:
        raise ValueError("must be 4, 5, 6, 7, 8 or 32")
    return bits


def _rule(name: str) -> str:
    check_rule(name)
    return name


class Round(Section):
    """``[round]``: how long the server waits, and for whom.

    Attributes:
        deadline: seconds until a round closes.
        quorum: share of the asked sites that must answer, in (0, 1].
        fraction: share of the sites that are asked, in (0, 1].
    """

    deadline: Positive = 600.0
    quorum: Share = 0.5
    fraction: Share = 1.0


class Distill(Section):
    """``[distill]``: how sites digest the consensus.

    Attributes:
        temperature: of soft labels, > 0, dimensionless.
        epochs: passes over the consensus; 0 skips the digest.
        learning_rate: Adam's, dimensionless.
        batch_size: examples a step.
    """

    temperature: Positive = 1.0
    epochs: CountOrZero = 60
    learning_rate: Positive = 0.01
    batch_size: Count = 397


class Train(Section):
    """``[train]``: the private steps of a round.

    Attributes:
        batch_size: expected examples a step at a site of mean nominal size.
        epochs: expected passes over the private data a round.
        learning_rate: of plain SGD, dimensionless.
        clipping_norm: L2 bound of an example's gradient.
    """

    batch_size: Count = 100
    epochs: Positive = 2.0
    learning_rate: Positive = 2.0
    clipping_norm: Positive = 1.0


class Aggregation(Section):
    """``[aggregation]``: how soft labels become the consensus.

    Attributes:
        rule: the rule's name, or ``module:function`` of your own, which the server
            imports. ``auto`` is ``log-opinion-pool`` for additive heads and
            ``enhanced-era`` elsewhere.
        temperature: of ``era``, > 0; below 1 sharpens.
        power: of ``enhanced-era``, > 0; above 1 sharpens.
    """

    rule: Annotated[
        str,
        AfterValidator(_rule),
        Field(json_schema_extra={"enum": [*RULE_NAMES, "module:function"]}),
    ] = "auto"
    temperature: Positive = 0.1
    power: Positive = 2.0


class CodecChoice(Section):
    """``[codec]``: how soft labels become bytes.

    Attributes:
        name: the codec's name. ``auto`` is ``logit`` for additive heads and
            ``float32`` elsewhere.
        bits: of an entry under ``logit``: 4 to 8, or 32 for float32.
    """

    name: Literal["auto", "float32", "float16", "logit"] = "auto"
    bits: Annotated[int, Field(ge=4, le=32), AfterValidator(_bits)] = 8


class Privacy(Section):
    """``[privacy]``: the most that this run may spend at a site.

    Attributes:
        mechanism: the mechanism's name.
        epsilon: > 0, dimensionless; not looked at where the mechanism is none.
        delta: target delta, below 1 / nominal examples of every site.
        unit: unit of privacy.
        noise_multiplier: 0 calibrates the smallest noise that keeps ``epsilon``.
    """

    mechanism: Literal["dp-sgd", "dp-head", "none"] = "dp-sgd"
    epsilon: Positive = 1.0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    unit: Literal["example"] = "example"
    noise_multiplier: Annotated[float, Field(ge=0)] = 0.0
