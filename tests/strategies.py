"""Generators of valid values, shared by property tests."""

import string

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from common.envelope import Envelope, MessageKind
from common.head_recipe import HeadRecipe
from common.privacy.events import Mechanism, PrivacyUnit
from common.recipes import DistillationRecipe
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels, log_softmax

NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)
SHARES = st.floats(1e-6, 1, exclude_max=True)
POSITIVE = st.floats(1e-6, 1e6)


def log_probabilities(*, largest_gap: float = 30.0, min_examples: int = 0):
    """float32 log probabilities [num_examples, num_classes], normalised."""
    shapes = st.tuples(st.integers(min_examples, 6), st.integers(2, 12))
    logits = shapes.flatmap(
        lambda shape: arrays.arrays(
            np.float64, shape, elements=st.floats(-largest_gap, 0)
        )
    )
    return logits.map(lambda rows: log_softmax(rows).astype(np.float32))


@st.composite
def soft_labels(draw, *, largest_gap: float = 30.0, min_examples: int = 0):
    """Soft labels of a few examples of some transfer set."""
    logs = draw(log_probabilities(largest_gap=largest_gap, min_examples=min_examples))
    indices = draw(
        st.lists(
            st.integers(0, 10_000),
            min_size=len(logs),
            max_size=len(logs),
            unique=True,
        )
    )
    return SoftLabels(
        log_probabilities=logs,
        temperature=draw(st.floats(0.1, 20)),
        transfer_set_id="a" * 64,
        indices=np.array(indices, np.int32),
    )


HEAD_RECIPES = st.builds(
    HeadRecipe,
    features=st.sampled_from(["pixels", "scattering+kmeans-patches"]),
    dimension=st.integers(1, 512),
    exponent=st.floats(0, 1),
    ridge=POSITIVE,
    sites=st.integers(1, 10**6),
)


@st.composite
def run_plans(draw):
    """Run plans with and without privacy."""
    mechanism = draw(st.sampled_from(Mechanism))
    epsilon = draw(POSITIVE) if mechanism.is_private else float("inf")
    counts = st.integers(1, 10**6)
    has_head = mechanism is Mechanism.DP_HEAD
    return RunPlan(
        run_id=draw(NAMES),
        rounds=draw(counts),
        steps_per_round=1 if has_head else draw(counts),
        sampling_probability=1.0 if has_head else draw(SHARES),
        clipping_norms=(draw(POSITIVE),),
        mechanism=mechanism,
        epsilon=epsilon,
        delta=draw(SHARES),
        noise_multiplier=draw(st.floats(0, 100)),
        unit=draw(st.sampled_from(PrivacyUnit)),
        temperature=draw(POSITIVE),
        transfer_set_id=draw(st.text("0123456789abcdef", min_size=1, max_size=64)),
        transfer_size=draw(counts),
        num_classes=draw(st.integers(2, 1000)),
        mean_nominal_examples=draw(POSITIVE),
        codec=draw(st.sampled_from(["float32", "float16"])),
        learning_rate=draw(POSITIVE),
        distillation=DistillationRecipe(
            epochs=draw(st.integers(0, 100)),
            learning_rate=draw(POSITIVE),
            batch_size=draw(counts),
        ),
        seed=draw(st.integers(0, 2**63 - 1)),
        head=draw(HEAD_RECIPES) if has_head else None,
    )


SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
)
ARRAYS = st.sampled_from([np.float32, np.float16, np.int32, np.uint8]).flatmap(
    lambda dtype: arrays.arrays(
        dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)
ENVELOPES = st.builds(
    Envelope,
    kind=st.sampled_from(MessageKind),
    arrays=st.dictionaries(NAMES, ARRAYS, max_size=3),
    fields=st.dictionaries(NAMES, SCALARS, max_size=4),
)
