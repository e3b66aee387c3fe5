"""What the hostile app says to a custodian: every request that it can think of."""

from __future__ import annotations

import math
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from common.config import Config
from common.data.parts import load_parts
from common.envelope import Envelope, MessageKind
from common.messages import HelloRequest, RoundRequest
from common.privacy.events import Mechanism
from common.run_plan import RunPlan
from common.transfer_messages import TransferChunk
from common.transfer_set import TransferSet
from tests.client.support import PLAN

ASKED_EPSILON = 1000.0
RUN = "hostile-run"
# What must come of those that are refused; the others are answered.
REASONS = {
    "a round before any hello": "unknown-run",
    "a plan of the same name with more rounds": "plan-changed",
    "a plan of the same name with less noise": "plan-changed",
    "a plan without privacy": "non-private-not-allowed",
    "a round beyond the plan": "malformed-request",
    "round 0": "malformed-request",
    "a round that labels what is not there": "malformed-request",
    "a round with a negative index": "malformed-request",
    "a round with a consensus out of nowhere": "malformed-request",
    "an envelope with a private word": "malformed-request",
    "an envelope of arrays": "malformed-request",
    "no envelope": "not-an-envelope",
    "nothing": "empty-request",
}


def hostile_requests(config: Config) -> Mapping[str, str]:
    """Returns requests by name, in base64 and in the order in which they are sent.

    Args:
        config: that the site's policy was made for.
    """
    transfer = load_parts(config).transfer
    plan = _plan(config, transfer)
    requests = {
        "a round before any hello": _round(1),
        "a plan that asks for too much": HelloRequest(plan=plan).to_envelope(),
        "the transfer set": _chunk(transfer),
        "the same plan again": HelloRequest(plan=plan).to_envelope(),
        "a plan of the same name with more rounds": _hello(plan, rounds=500),
        "a plan of the same name with less noise": _hello(plan, noise_multiplier=1e-3),
        "another plan with next to no noise": _hello(
            plan, run_id="other", noise_multiplier=1e-9
        ),
        "a plan without privacy": _hello(
            plan,
            run_id="open",
            mechanism=Mechanism.NONE,
            epsilon=math.inf,
        ),
        "a round beyond the plan": _round(10_000),
        "round 0": _round(0),
        "a round that labels what is not there": _round(1, indices=[len(transfer)]),
        "a round with a negative index": _round(1, indices=[-1]),
        "a round with a consensus out of nowhere": _round(1, consensus_rows=3),
        "an envelope with a private word": Envelope(
            kind=MessageKind.HELLO, fields={"read": "/etc/passwd"}
        ),
        "an envelope of arrays": Envelope(
            kind=MessageKind.ROUND, arrays={"x": np.zeros(10, np.float32)}
        ),
    }
    content = {name: one.to_bytes() for name, one in requests.items()}
    content["no envelope"] = os.urandom(2000)
    content["nothing"] = b""
    return {name: b64encode(one).decode() for name, one in content.items()}


def _plan(config: Config, transfer: TransferSet) -> RunPlan:
    size = config.nominal_examples[0]
    return replace(
        PLAN,
        run_id=RUN,
        epsilon=ASKED_EPSILON,
        delta=config.privacy.delta,
        noise_multiplier=0.0,
        transfer_set_id=transfer.content_id,
        transfer_size=len(transfer),
        mean_nominal_examples=float(size),
        num_classes=10,
    )


def _hello(plan: RunPlan, **changes: object) -> Envelope:
    return HelloRequest(plan=replace(plan, **changes)).to_envelope()


def _chunk(transfer: TransferSet) -> Envelope:
    return TransferChunk(
        transfer_set_id=transfer.content_id,
        first_row=0,
        num_rows=len(transfer),
        inputs=transfer.inputs,
    ).to_envelope()


def _round(
    number: int, *, indices: tuple[int, ...] | list[int] = (0,), consensus_rows: int = 0
) -> Envelope:
    return RoundRequest(
        run_id=RUN,
        round_number=number,
        indices=np.array(indices, np.int32),
        consensus_indices=np.arange(consensus_rows, dtype=np.int32),
        consensus=np.full((consensus_rows, 10), 7.0, np.float32),
    ).to_envelope()
