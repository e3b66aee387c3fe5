"""Sites for tests of the server: honest ones, and parts of a small experiment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from common.codec import CODECS, encode
from common.config import Config
from common.data.examples import LabelledExamples
from common.data.parts import PublicParts
from common.envelope import Envelope, MessageKind
from common.messages import (
    HelloReply,
    HelloRequest,
    Refusal,
    RefusalReason,
    RoundReply,
    RoundRequest,
)
from common.run_plan import RunPlan
from common.seeds import numpy_generator
from common.soft_labels import SoftLabels, log_softmax
from common.transfer_set import TransferSet

NUM_CLASSES = 3


def small_config(**overrides: object) -> Config:
    """An experiment of seconds: 4 sites, 3 rounds, 3 classes."""
    flat = {
        "name": "small",
        "rounds": 3,
        "sites": 4,
        "models": "linear:4",
        "global-student.model": "linear",
        "global-student.epochs": 5,
        "global-student.batch-size": 8,
        "round.deadline": 60.0,
        "transfer.size": 40,
        "transfer.per-round": 20,
        "train.batch-size": 50,
        "train.epochs": 1.0,
        "privacy.epsilon": 4.0,
        "privacy.delta": 1e-3,
    }
    return Config.from_run_config(flat | overrides)  # type: ignore[arg-type]


def small_parts() -> PublicParts:
    """Three blobs in four dimensions."""
    return PublicParts(
        transfer=TransferSet(inputs=_blobs(40, "transfer").inputs),
        validation=_blobs(30, "validation"),
        test=_blobs(30, "test"),
        num_classes=NUM_CLASSES,
        input_shape=(4,),
    )


def _blobs(count: int, purpose: str) -> LabelledExamples:
    generator = numpy_generator(1, purpose)
    labels = generator.integers(NUM_CLASSES, size=count)
    inputs = generator.normal(size=(count, 4)) + 3 * np.eye(NUM_CLASSES, 4)[labels]
    return LabelledExamples(inputs=inputs.astype(np.float32), labels=labels)


class HonestSite:
    """A site that answers every request as the protocol asks.

    Its soft labels are a function of its name, the round and the example, and its
    rows lean to the class of the nearest blob.
    """

    def __init__(self, name: str, *, private_rounds: int | None = None) -> None:
        self.name = name
        self.private_rounds = private_rounds
        self.plan: RunPlan | None = None
        self.requests: list[Envelope] = []

    def __call__(self, request: Envelope) -> Envelope:
        self.requests.append(request)
        if request.kind is MessageKind.HELLO:
            return self.hello(HelloRequest.from_envelope(request).plan).to_envelope()
        return self.round(RoundRequest.from_envelope(request)).to_envelope()

    def hello(self, plan: RunPlan) -> HelloReply:
        self.plan = plan
        rounds = plan.rounds if self.private_rounds is None else self.private_rounds
        return HelloReply(
            site_name=self.name,
            software="fedstill 0.1.0",
            num_classes=plan.num_classes,
            has_transfer_set=True,
            nominal_examples=100,
            epsilon=plan.epsilon if rounds else 0.0,
            delta=plan.delta,
            rounds=rounds,
            ledger_entries=0,
        )

    def round(self, request: RoundRequest) -> RoundReply:
        plan = self.plan
        assert plan is not None, "a site is asked only after a hello"
        committed = plan.rounds if self.private_rounds is None else self.private_rounds
        labels = honest_labels(self.name, request.round_number, request.indices, plan)
        return RoundReply(
            run_id=request.run_id,
            round_number=request.round_number,
            transfer_set_id=plan.transfer_set_id,
            soft_labels=encode(labels, CODECS[plan.codec]),
            budget_exhausted=request.round_number > committed,
            ledger_entries=request.round_number,
            is_finish=request.is_finish,
        )


def honest_labels(
    name: str, round_number: int, indices: NDArray[np.int32], plan: RunPlan
) -> SoftLabels:
    generator = numpy_generator(0, "labels", round_number=round_number, site_name=name)
    noise = generator.normal(size=(40, NUM_CLASSES))
    logits = 2 * small_parts().transfer.inputs[:, :NUM_CLASSES] + noise
    return SoftLabels(
        log_probabilities=log_softmax(logits[indices] / plan.temperature).astype(
            np.float32
        ),
        temperature=plan.temperature,
        transfer_set_id=plan.transfer_set_id,
        indices=indices,
    )


class RefusingSite(HonestSite):
    """A site that agrees to no run plan."""

    def __call__(self, request: Envelope) -> Envelope:
        return Refusal(
            kind=request.kind,
            site_name=self.name,
            reason=RefusalReason.PLAN_NOT_ALLOWED,
        ).to_envelope()


class GarblingSite(HonestSite):
    """A site whose soft labels are NaN in some rounds."""

    def __init__(self, name: str, *, rounds: frozenset[int]) -> None:
        super().__init__(name)
        self.rounds = rounds

    def round(self, request: RoundRequest) -> RoundReply:
        reply = super().round(request)
        if request.round_number not in self.rounds:
            return reply
        payload = reply.soft_labels.copy()
        payload[0, 0] = np.nan
        return replace(reply, soft_labels=payload)
