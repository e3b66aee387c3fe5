"""The sections of a config, each a frozen pydantic model with kebab-case keys.

A key that no section knows is an error. Types are strict: a number is never read from
a string, nor a whole number from a fraction; ``1`` is fine where ``1.0`` is meant.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from common.config.lists import check_model_name, parse_sizes


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _known_model(name: str) -> str:
    check_model_name(name)
    return name


def _size_text(value: object) -> object:
    """Reads ``per-site = 100`` like ``per-site = "100"``."""
    return str(value) if type(value) is int else value


def _sizes(text: str) -> str:
    parse_sizes(text)
    return text


Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
CountOrZero = Annotated[int, Field(ge=0, lt=2**31)]
ModelName = Annotated[str, AfterValidator(_known_model)]
SiteSizes = Annotated[str, BeforeValidator(_size_text), AfterValidator(_sizes)]


class Section(BaseModel):
    """What all sections share; never used itself."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=_kebab,
        allow_inf_nan=False,
    )


class GlobalStudent(Section):
    """``[global-student]``: the server's model and how it learns from the consensus.

    Attributes:
        model: a name from the zoo.
        epochs: passes over the consensus each round.
        learning_rate: Adam's, dimensionless.
        batch_size: examples a step.
    """

    model: ModelName = "mlp"
    epochs: Count = 60
    learning_rate: Positive = 0.01
    batch_size: Count = 397


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


class Data(Section):
    """``[data]``: the data set and how it is dealt out.

    Attributes:
        name: ``digits`` (bundled) or ``idx`` (MNIST, Fashion-MNIST, by path).
        path: folder of the IDX files.
        partition: how private examples are spread over the sites.
        alpha: concentration of the Dirichlet partition, > 0; small is skewed.
        shards_per_site: shards a site gets in the shards partition.
        per_site: nominal examples, one number or one per site.
        validation: public labelled examples for choosing hyper-parameters.
        test: test examples; 0 takes all of IDX test files.
    """

    name: Literal["digits", "idx"] = "digits"
    path: str = ""
    partition: Literal["iid", "dirichlet", "shards"] = "iid"
    alpha: Annotated[float, Field(gt=0, le=1e6)] = 0.5
    shards_per_site: Count = 2
    per_site: SiteSizes = "100"
    validation: Count = 100
    test: CountOrZero = 300


class Transfer(Section):
    """``[transfer]``: the public examples on which knowledge is exchanged.

    Attributes:
        size: examples in the transfer set.
        per_round: examples labelled in a round, at most ``size``.
    """

    size: Count = 397
    per_round: Count = 397


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
        rule: the rule's name.
        temperature: of ``era``, > 0; below 1 sharpens.
        power: of ``enhanced-era``, > 0; above 1 sharpens.
    """

    rule: Literal["mean", "era", "enhanced-era", "log-opinion-pool"] = "enhanced-era"
    temperature: Positive = 0.1
    power: Positive = 2.0


class CodecChoice(Section):
    """``[codec]``: how soft labels become bytes.

    Attributes:
        name: the codec's name.
    """

    name: Literal["float32", "float16"] = "float32"


class Privacy(Section):
    """``[privacy]``: the most that this run may spend at a site.

    Attributes:
        mechanism: the mechanism's name.
        epsilon: > 0, dimensionless; not looked at where the mechanism is none.
        delta: target delta, below 1 / nominal examples of every site.
        unit: unit of privacy.
        noise_multiplier: 0 calibrates the smallest noise that keeps ``epsilon``.
    """

    mechanism: Literal["dp-sgd", "none"] = "dp-sgd"
    epsilon: Positive = 1.0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    unit: Literal["example"] = "example"
    noise_multiplier: Annotated[float, Field(ge=0)] = 0.0


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
        batch_size: expected examples a step at a site of mean nominal size.
        epochs: passes over the private data a round.
        learning_rate: Adam's, dimensionless.
    """

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


class Baselines(Section):
    """``[baselines]``: what the report compares with.

    Attributes:
        enabled: whether a simulation runs them.
    """

    enabled: bool = True
