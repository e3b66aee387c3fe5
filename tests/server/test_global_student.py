"""The global student learns from consensus alone, and never from a broken one."""

from __future__ import annotations

import numpy as np
import pytest

from common.errors import DataError
from common.soft_labels import SoftLabels, log_softmax
from server.global_student import GlobalModel
from tests.server.sites import small_config, small_parts


def student(**overrides: object) -> GlobalModel:
    return GlobalModel(small_config(**overrides), small_parts())


def consensus() -> SoftLabels:
    parts = small_parts()
    indices = np.arange(0, 40, 2, dtype=np.int32)
    logits = 4 * parts.transfer.inputs[indices, :3]
    return SoftLabels(
        log_probabilities=log_softmax(logits).astype(np.float32),
        temperature=1.0,
        transfer_set_id=parts.transfer.content_id,
        indices=indices,
    )


def test_starts_from_the_seed() -> None:
    """The same seed gives the same first weights, another one others."""
    assert student().to_bytes() == student().to_bytes()
    assert student().to_bytes() != student(seed=2).to_bytes()


def test_learns_from_a_consensus() -> None:
    """Twenty rounds on blobs that the consensus knows are enough."""
    one = student()
    test = small_parts().test

    for round_number in range(1, 21):
        one.learn(consensus(), round_number=round_number)

    assert one.accuracy(test) > 0.8


def test_learning_is_repeatable_and_depends_on_the_round() -> None:
    """A resumed round ends in the same weights."""
    one, two, three = student(), student(), student()

    one.learn(consensus(), round_number=1)
    two.learn(consensus(), round_number=1)
    three.learn(consensus(), round_number=2)

    assert one.to_bytes() == two.to_bytes()
    assert one.to_bytes() != three.to_bytes()


def test_weights_that_overflow_are_replaced_by_the_old_ones() -> None:
    """A student that is not finite after a digest never stays."""
    one = student(**{"global-student.learning-rate": 1e38, "distill.temperature": 1e-3})
    before = one.to_bytes()
    extreme = SoftLabels(
        log_probabilities=consensus().log_probabilities,
        temperature=1e-30,
        transfer_set_id="abc",
        indices=consensus().indices,
    )

    one.learn(extreme, round_number=1)

    assert one.to_bytes() == before


def test_refuses_weights_of_another_model() -> None:
    """Weights that do not fit are refused by name."""
    other = student(**{"global-student.model": "mlp"}).to_bytes()

    with pytest.raises(DataError, match="The weights do not fit"):
        student().load(other)
