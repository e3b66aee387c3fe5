"""A student that is not finite after training is replaced by the previous one."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import nn

from common.weights import all_finite


def train_or_keep(student: nn.Module, train: Callable[[], None]) -> None:
    """Trains, and silently puts the previous weights back if they are not finite.

    Args:
        student: trained in place by ``train``.
        train: digest or revisit.
    """
    previous = copy.deepcopy(student.state_dict())
    train()
    if not all_finite(student):
        student.load_state_dict(previous)
