"""A small site and the requests to it."""

from __future__ import annotations

import dataclasses

import numpy as np

from client.policy import SitePolicy
from client.private_data import PrivateData
from client.site import Site
from client.storage.store import Durability, Store
from client.storage.transfer_shelf import TransferShelf
from common.codec import CODECS, encode
from common.envelope import Envelope
from common.messages import (
    HelloRequest,
    Refusal,
    RoundReply,
    RoundRequest,
)
from common.privacy.budget import PrivacyBudget
from common.privacy.events import Mechanism, PrivacyUnit
from common.recipes import DistillationRecipe
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels, log_softmax
from common.transfer_set import TransferSet
from simulations.seeded_randomness import SeededRandomness

SHAPE = (1, 8, 8)
NUM_CLASSES = 10
NOMINAL = 40
RUN_ID = "run-1"

PLAN = RunPlan(
    run_id=RUN_ID,
    rounds=3,
    steps_per_round=2,
    sampling_probability=0.25,
    clipping_norms=(0.5,),
    mechanism=Mechanism.DP_SGD,
    epsilon=50.0,
    delta=1e-3,
    noise_multiplier=2.0,
    unit=PrivacyUnit.EXAMPLE,
    temperature=1.0,
    transfer_set_id="set by make_plan",
    transfer_size=30,
    num_classes=NUM_CLASSES,
    mean_nominal_examples=NOMINAL,
    codec="float32",
    learning_rate=0.5,
    distillation=DistillationRecipe(epochs=1, learning_rate=1e-2, batch_size=8),
    seed=5,
)
POLICY = SitePolicy(
    site_name="site-00",
    dataset_id="ward-7",
    nominal_examples=NOMINAL,
    budget=PrivacyBudget(epsilon=100.0, delta=1e-3),
    model="mlp",
    num_classes=NUM_CLASSES,
    mechanisms=frozenset({Mechanism.DP_SGD, Mechanism.DP_HEAD}),
)


def make_transfer_set(shape=SHAPE):
    generator = np.random.default_rng(1)
    inputs = generator.random((PLAN.transfer_size, *shape), np.float32)
    return TransferSet(inputs=inputs)


def make_plan(**changes):
    """The plan, for the small transfer set."""
    changes.setdefault("transfer_set_id", make_transfer_set().content_id)
    return dataclasses.replace(PLAN, **changes)


def make_plain_plan(**changes):
    return make_plan(
        mechanism=Mechanism.NONE,
        epsilon=float("inf"),
        noise_multiplier=0.0,
        learning_rate=1e-2,
        **changes,
    )


def make_policy(**changes):
    return dataclasses.replace(POLICY, **changes)


def make_data(num_examples=NOMINAL, shape=SHAPE):
    """Ten easy classes: class c is bright in pixel c."""
    generator = np.random.default_rng(2)
    labels = generator.integers(0, NUM_CLASSES, num_examples)
    inputs = 0.1 * generator.random((num_examples, *shape), np.float32)
    inputs.reshape(num_examples, -1)[np.arange(num_examples), labels] += 1
    return PrivateData(inputs=inputs, labels=labels, num_classes=NUM_CLASSES)


def make_data_without_gradients(shape=SHAPE):
    """Every row fails validation, so every gradient counts as zero."""
    return PrivateData(
        inputs=np.full((NOMINAL, *shape), np.nan, np.float32),
        labels=np.zeros(NOMINAL, np.int64),
        num_classes=NUM_CLASSES,
    )


class Spy:
    """Private data that count how many rows were read."""

    def __init__(self, data):
        self._data = data
        self.rows_read = 0

    def __getattr__(self, name):
        return getattr(self._data, name)

    def __len__(self):
        return len(self._data)

    def rows(self, indices):
        self.rows_read += len(indices)
        return self._data.rows(indices)


def make_site(
    folder, *, policy=POLICY, data=None, randomness=None, transfer_sets=None, watch=None
):
    """A site on ``folder``'s store; a second one on it is the same after a restart."""
    return Site(
        policy=policy,
        data=data or make_data(),
        transfer_sets=transfer_sets or TransferShelf.in_memory(make_transfer_set()),
        store=Store(folder / "ledger.sqlite", durability=Durability.OFF),
        randomness=randomness or SeededRandomness(run_seed=5, site_name="site-00"),
        watch=watch,
    )


def hello(plan=None):
    return HelloRequest(plan=plan or make_plan()).to_envelope()


def round_request(round_number=1, **changes):
    """A round with the consensus that nobody knows anything, from round 2 on."""
    values = {
        "run_id": RUN_ID,
        "round_number": round_number,
        "indices": np.arange(6, dtype=np.int32) + int(round_number),
        "is_finish": False,
    }
    num_consensus = 0 if round_number == 1 else 6
    indices = np.arange(num_consensus, dtype=np.int32)
    values["consensus_indices"] = indices
    values["consensus"] = make_consensus(indices)
    return RoundRequest(**(values | changes)).to_envelope()


def finish_request(round_number=PLAN.rounds, **changes):
    return round_request(
        round_number, indices=np.zeros(0, np.int32), is_finish=True, **changes
    )


def make_consensus(indices, logits=None):
    """A float32 payload of soft labels at some transfer examples."""
    if logits is None:
        logits = np.zeros((len(indices), NUM_CLASSES))
    soft_labels = SoftLabels(
        log_probabilities=log_softmax(logits).astype(np.float32),
        temperature=1.0,
        transfer_set_id="any",
        indices=indices,
    )
    return encode(soft_labels, CODECS["float32"])


def reason_of(envelope: Envelope) -> str | None:
    """The reason of a refusal, or None where it is none."""
    refusal = Refusal.from_envelope(envelope)
    return None if refusal is None else refusal.reason.value


def answer_rounds(site, count=PLAN.rounds):
    """Says hello and plays rounds; returns the replies."""
    assert reason_of(site.answer(hello())) is None
    return [
        RoundReply.from_envelope(site.answer(round_request(number)))
        for number in range(1, count + 1)
    ]
