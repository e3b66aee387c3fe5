"""What a student's file says of a student that was made for some parts."""

from __future__ import annotations

from torch import nn

from common.data.parts import PublicParts
from common.features.map import FeatureMap
from common.student_description import StudentDescription


def describe(
    parts: PublicParts, architecture: str, student: nn.Module
) -> StudentDescription:
    """Returns the description of a student for the examples of ``parts``.

    Args:
        parts: shape, classes and white of the examples.
        architecture: a name of the zoo, ``head``, or ``module:factory``.
        student: the whole student, from inputs to logits.
    """
    layout = None
    if isinstance(student, nn.Sequential) and isinstance(student[0], FeatureMap):
        layout = student[0].layout()
    return StudentDescription(
        architecture=architecture,
        input_shape=parts.input_shape,
        num_classes=parts.num_classes,
        white=parts.white,
        class_names=parts.class_names,
        features=layout,
    )
