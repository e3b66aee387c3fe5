"""The site under attack: its policy, and the honest runs before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from common.envelope import Envelope
from common.transfer_set import TransferSet
from tests.client.heads import make_head_plan
from tests.client.support import (
    NOMINAL,
    NUM_CLASSES,
    POLICY,
    SHAPE,
    finish_request,
    hello,
    make_data,
    make_plan,
    make_transfer_set,
    reason_of,
    round_request,
)
from tests.custodians import write_site
from tests.faults.dialogue import chunks

SEED = 5
MOST_ROUNDS = 10
LEAST_NOISE = 1.0
OPEN, CLOSED, HEADS, NEW = "run-1", "run-2", "run-3", "run-9"
CLOSED_ROUND = 1
# Two runs label these, which is as often as the policy allows.
USED = np.arange(1, 7, dtype=np.int32)
FIRST = {"run_id": OPEN, "round_number": 1, "indices": USED}

Ask = Callable[[Envelope], Envelope]


def wanted_set() -> TransferSet:
    """The transfer set that the policy allows and that nobody delivered yet."""
    generator = np.random.default_rng(7)
    return TransferSet(inputs=generator.random((20, *SHAPE), np.float32))


def write_policy(folder: Path) -> Path:
    """Writes the site's data and a policy that uses every limit."""
    data = make_data()
    ids = [make_transfer_set().content_id, wanted_set().content_id]
    return write_site(
        folder,
        inputs=data.inputs,
        labels=data.labels,
        site_name=POLICY.site_name,
        dataset_id=POLICY.dataset_id,
        nominal_examples=NOMINAL,
        classes=NUM_CLASSES,
        budget={"epsilon": POLICY.budget.epsilon, "delta": POLICY.budget.delta},
        model={"name": "mlp"},
        limits={
            "runs": ["run-[0-9]"],
            "transfer-sets": ids,
            "least-noise": LEAST_NOISE,
            "most-rounds": MOST_ROUNDS,
            "most-queries": 2,
        },
    )


def play_until_attacked(ask: Ask) -> list[bytes]:
    """Plays one run to its end, opens two more; returns all replies."""
    requests = [
        hello(make_plan()),
        *chunks(),
        hello(make_plan()),
        hello(make_plan(run_id=CLOSED)),
        round_request(CLOSED_ROUND, run_id=CLOSED, indices=USED),
        finish_request(CLOSED_ROUND, run_id=CLOSED),
        hello(make_head_plan(run_id=HEADS)),
        round_request(**FIRST),
    ]
    return _answers(ask, requests)


def play_to_the_end(ask: Ask) -> list[bytes]:
    """Plays the rest of the open run; returns all replies."""
    requests = [
        round_request(2, indices=np.arange(10, 16, dtype=np.int32)),
        round_request(3, indices=np.arange(20, 26, dtype=np.int32)),
        finish_request(3),
    ]
    return _answers(ask, requests)


def _answers(ask: Ask, requests: list[Envelope]) -> list[bytes]:
    replies = [ask(request) for request in requests]
    assert [reason_of(one) for one in replies] == [None] * len(replies)
    return [one.to_bytes() for one in replies]
