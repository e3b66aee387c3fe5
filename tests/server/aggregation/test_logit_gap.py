"""A site that is all but certain does not outvote everybody in the log-opinion pool."""

import numpy as np
import pytest

from common.codec import CODECS, decode, encode
from common.soft_labels import SoftLabels, log_softmax
from server.aggregation.log_opinion_pool import log_opinion_pool

GAP = 60.0
EVIDENCE = 10.0
OTHERS = 9


def sent(logits, codec):
    """The log probabilities of one example that arrive of a site's logits."""
    indices = np.array([0], np.int32)
    labels = SoftLabels(
        log_probabilities=log_softmax(np.array([logits])).astype(np.float32),
        temperature=1.0,
        transfer_set_id="abc",
        indices=indices,
    )
    return decode(
        encode(labels, codec),
        codec,
        num_classes=len(logits),
        temperature=1.0,
        transfer_set_id="abc",
        indices=indices,
    ).log_probabilities


def pooled(name):
    """One site has never seen class 1; nine others have evidence for it."""
    codec = CODECS[name]
    sure = sent([0.0, -GAP, -GAP / 2], codec)
    others = [sent([0.0, EVIDENCE, 0.0], codec)] * OTHERS
    return log_opinion_pool(np.stack([sure, *others]))[0]


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("float32", 1e-5), ("logit", 1e-5), ("logit-8", 0.1), ("logit-4", 1.0)],
)
def test_a_gap_of_60_is_evidence_and_no_veto(name, tolerance):
    """Nine times 10 for class 1 beats 60 against it: the pool adds logits."""
    consensus = pooled(name)

    assert consensus.argmax() == 1
    expected = (OTHERS * EVIDENCE - GAP) / (OTHERS + 1)
    assert consensus[1] - consensus[0] == pytest.approx(expected, abs=tolerance)


def test_the_same_gap_through_float16_would_be_a_veto():
    """Why a config may not put float16 beside this rule."""
    with pytest.raises(ValueError, match="would veto its class for every site"):
        pooled("float16")
