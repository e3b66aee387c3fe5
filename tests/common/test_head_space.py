"""The digest of a head: exact where it can be, damped where rounding would blow up."""

import numpy as np
import pytest
import torch

from common.codec import CODECS, decode, encode
from common.head_recipe import HeadRecipe
from common.head_space import weight_of
from common.head_spaces import head_space
from common.soft_labels import SoftLabels, log_softmax
from common.transfer_set import TransferSet

DIMENSION, CLASSES = 40, 5
RECIPE = HeadRecipe(
    features="pixels", dimension=DIMENSION, exponent=0.5, ridge=1.0, sites=1
)
RNG = np.random.default_rng(7)
PUBLIC = TransferSet(inputs=RNG.standard_normal((400, 1, 7, 7)).astype(np.float32))
SPACE = head_space(RECIPE, PUBLIC)
TRUTH = 3 * RNG.standard_normal((CLASSES, DIMENSION))


def digested(codec_name, *, rows, rounds=1):
    """The weights after a head was passed on by its soft labels, round after round."""
    codec, weight = CODECS[codec_name], TRUTH
    order = np.random.default_rng(3)
    for _ in range(rounds):
        indices = order.choice(len(PUBLIC), rows, replace=False).astype(np.int32)
        logits = SPACE.transfer_features[indices].double().numpy() @ weight.T
        said = SoftLabels(
            log_probabilities=log_softmax(logits).astype(np.float32),
            temperature=1.0,
            transfer_set_id=PUBLIC.content_id,
            indices=indices,
        )
        arrived = decode(
            encode(said, codec),
            codec,
            num_classes=CLASSES,
            temperature=1.0,
            transfer_set_id=PUBLIC.content_id,
            indices=indices,
        )
        head = SPACE.new_head(CLASSES)
        SPACE.digest(head, arrived, codec=codec)
        weight = weight_of(head).detach().double().numpy()
    return weight


def error(weight):
    """Relative to the head that spoke; a softmax forgets a constant per example."""
    truth = TRUTH - TRUTH.mean(axis=0)
    return float(np.linalg.norm(weight - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("rows", [DIMENSION, 2 * DIMENSION, 400])
def test_a_codec_that_does_not_round_gives_the_very_head(rows):
    """No damping, however few the rows are that span the features."""
    assert error(digested("logit", rows=rows)) < 1e-3


@pytest.mark.parametrize("bits", [4, 5, 6])
def test_few_rows_do_not_blow_rounding_up(bits, monkeypatch):
    """Damped least squares is better than undamped, and better than nothing."""
    damped = error(digested(f"logit-{bits}", rows=DIMENSION, rounds=8))
    monkeypatch.setattr("common.head_space.ROWS_PER_FEATURE", 0)
    undamped = error(digested(f"logit-{bits}", rows=DIMENSION, rounds=8))

    assert damped < undamped / 2
    assert damped < 1


def test_many_rows_need_no_damping(monkeypatch):
    """From twice as many rows as features on, least squares is left as it is."""
    left = digested("logit-8", rows=2 * DIMENSION)
    monkeypatch.setattr("common.head_space.ROWS_PER_FEATURE", 0)

    assert left.tolist() == digested("logit-8", rows=2 * DIMENSION).tolist()
    assert error(left) < 0.1


def test_a_consensus_that_says_nothing_gives_a_head_of_zeros():
    """Even soft labels have no energy to weigh rounding against."""
    indices = np.arange(DIMENSION + 2, dtype=np.int32)
    even = SoftLabels(
        log_probabilities=np.full((len(indices), CLASSES), -np.log(5), np.float32),
        temperature=1.0,
        transfer_set_id=PUBLIC.content_id,
        indices=indices,
    )
    head = SPACE.new_head(CLASSES)

    SPACE.digest(head, even, codec=CODECS["logit-4"])

    assert torch.equal(weight_of(head), torch.zeros(CLASSES, DIMENSION))
