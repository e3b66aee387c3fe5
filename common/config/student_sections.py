"""The sections about students: the server's, additive heads, personal ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from common.config.lists import check_features, check_model_name
from common.config.section import Count, Positive, Section, Share


def _global_student_name(name: str) -> str:
    if name not in ("auto", "head"):
        check_model_name(name)
    return name


def _features(text: str) -> str:
    check_features(text)
    return text


class GlobalStudent(Section):
    """``[global-student]``: the server's model and how it learns from the consensus.

    Attributes:
        model: a name from the zoo, or ``head``: a linear head on public features, for
            runs with additive heads. ``auto`` is ``head`` there and ``mlp`` elsewhere.
        epochs: passes over the consensus each round.
        learning_rate: Adam's, dimensionless.
        batch_size: examples a step.
    """

    model: Annotated[str, AfterValidator(_global_student_name)] = "auto"
    epochs: Count = 60
    learning_rate: Positive = 0.01
    batch_size: Count = 397


class Head(Section):
    """``[head]``: additive heads, the students of the mechanism ``dp-head``.

    Where a number is 0, the rule of ``common.head_rule`` decides from public numbers:
    sites, nominal examples, epsilon, delta and the size of the transfer set.

    Attributes:
        features: sets of public features, joined by ``+``: ``scattering``,
            ``kmeans-patches``, ``pixels``, ``standardised``. ``auto`` takes
            scattering and k-means patches for images, standardised for tables.
        dimension: principal components of the features that are kept.
        exponent: a component with variance v is scaled by v^(-exponent/2).
        ridge: damping of a step, shared by the sites, in examples.
        clipping_norm: L2 bound of an example's residual after the first round.
    """

    features: Annotated[str, AfterValidator(_features)] = "auto"
    dimension: Annotated[int, Field(ge=0, le=512)] = 0
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    ridge: Annotated[float, Field(ge=0)] = 0.0
    clipping_norm: Annotated[float, Field(ge=0)] = 0.0


class PersonalStudent(Section):
    """``[personal-student]``: a site's own model, trained without noise; never leaves.

    Attributes:
        enabled: whether a simulation trains one at every site after the finish, and
            compares it with the global student and with the site alone.
        epochs: passes over the site's own examples, more where they are few.
        learning_rate: Adam's at the start, dimensionless; it falls to 0.
        batch_size: own examples a step, and as many transfer examples.
        own_weight: weight of the own examples' loss beside that of the consensus.
    """

    enabled: bool = True
    epochs: Count = 10
    learning_rate: Positive = 0.003
    batch_size: Count = 64
    own_weight: Share = 0.5
