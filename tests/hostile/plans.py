"""Hellos with a plan that must not be agreed to."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.envelope import Envelope, MessageKind
from common.messages import HelloReply, Refusal, RefusalReason
from common.run_plan import RunPlan, Scalar
from tests.client.heads import make_head_plan
from tests.client.support import make_plan
from tests.hostile.attack import Attack, refused
from tests.hostile.site import HEADS, MOST_ROUNDS, NEW, OPEN, wanted_set

ESCAPE = "fedstill-escaped"
_MALFORMED, _PLAN = "malformed-request", "plan-not-allowed"
_RUN, _SET = "run-not-allowed", "transfer-set-mismatch"
_FIELDS = make_plan(run_id=NEW).to_fields()
_HEAD_FIELDS = make_head_plan(run_id=NEW).to_fields()

# Another valid value for each field of a plan that the site agreed to.
CHANGED: dict[str, Scalar] = {
    "rounds": 4,
    "steps_per_round": 3,
    "sampling_probability": 0.5,
    "clipping_norms": "0.5,0.4",
    "mechanism": "dp-head",
    "epsilon": 60.0,
    "delta": 5e-4,
    "noise_multiplier": 1.5,
    "unit": "client",
    "temperature": 2.0,
    "transfer_set_id": wanted_set().content_id,
    "transfer_size": 31,
    "num_classes": 9,
    "mean_nominal_examples": 41.0,
    "codec": "float16",
    "learning_rate": 0.25,
    "seed": 6,
    "distillation_epochs": 2,
    "distillation_learning_rate": 0.02,
    "distillation_batch_size": 9,
}
CHANGED_HEADS: dict[str, Scalar] = {
    "head_features": "scattering",
    "head_dimension": 11,
    "head_exponent": 0.25,
    "head_ridge": 6.0,
    "head_sites": 5,
}


def _changed() -> list[Attack]:
    """A plan that the site agreed to, with one field changed."""
    heads = make_head_plan(run_id=HEADS).to_fields()
    known = make_plan(run_id=OPEN).to_fields()
    changes = [
        (f"another {name} in a known run", known | {name: value})
        for name, value in CHANGED.items()
        if name != "mechanism"
    ]
    changes += [
        (f"another {name} in a known run", heads | {name: value})
        for name, value in CHANGED_HEADS.items()
    ]
    other_mechanism = make_head_plan(run_id=OPEN).to_fields()
    changes.append(("another mechanism in a known run", other_mechanism))
    return [_hello(name, fields, "plan-changed") for name, fields in changes]


# Changes of a plan for a run that nobody knows, and why it is refused.
_REFUSED: dict[str, tuple[dict[str, Scalar], str]] = {
    "no privacy": (
        {"mechanism": "none", "epsilon": float("inf"), "noise_multiplier": 0.0},
        "non-private-not-allowed",
    ),
    "a delta above the policy's": ({"delta": 0.01}, _PLAN),
    "a delta of nearly 1": ({"delta": 0.999}, _PLAN),
    "a unit that the ledger does not keep": ({"unit": "client"}, _PLAN),
    "a tiny clipping norm": ({"clipping_norms": "1e-30"}, _PLAN),
    "one tiny clipping norm of three": ({"clipping_norms": "0.5,1e-300,0.5"}, _PLAN),
    "less noise than the least": ({"noise_multiplier": 0.5}, _PLAN),
    "noise of nearly nothing": ({"noise_multiplier": 1e-300}, _PLAN),
    "noise calibrated to nothing": ({"noise_multiplier": 0.0, "epsilon": 90.0}, _PLAN),
    "a round more than the policy's": ({"rounds": MOST_ROUNDS + 1}, _PLAN),
    "a billion rounds": ({"rounds": 10**9}, _PLAN),
    "a trillion steps a round": ({"steps_per_round": 10**12}, _PLAN),
    "a billion epochs of a digest": ({"distillation_epochs": 10**9}, _PLAN),
    "a digest's batch of 1e30": ({"distillation_batch_size": 10**30}, _PLAN),
    "a seed of a hundred bits": ({"seed": 2**100}, _PLAN),
    "classes of another site": ({"num_classes": 9}, "classes-mismatch"),
    "a billion classes": ({"num_classes": 10**9}, "classes-mismatch"),
    "an unapproved transfer set": ({"transfer_set_id": "a" * 64}, _SET),
    "a transfer set id that leaves the folder": (
        {"transfer_set_id": f"../../{ESCAPE}"},
        _SET,
    ),
    "a transfer set of another size": ({"transfer_size": 31}, _SET),
    "a transfer set of a trillion rows": ({"transfer_size": 10**12}, _SET),
    "a codec that is none": ({"codec": "pickle"}, _PLAN),
    "a codec that names code": ({"codec": "os:system"}, _PLAN),
    "a run that the policy does not name": ({"run_id": "other"}, _RUN),
    "a run id that leaves the folder": ({"run_id": f"../../{ESCAPE}"}, _RUN),
    "a run id that is an absolute path": ({"run_id": f"/tmp/{ESCAPE}"}, _RUN),
    "a run id with control characters": ({"run_id": "run-\x1b[2J\r\n\x00"}, _PLAN),
    "a run id that forges a line of the log": (
        {"run_id": 'run-1"}\n{"time": "x", "outcome": "answered"}'},
        _PLAN,
    ),
    "a run id of 900,000 letters": ({"run_id": "r" * 900_000}, _PLAN),
    "an epsilon that is no number": ({"epsilon": float("nan")}, _MALFORMED),
    "an infinite epsilon": ({"epsilon": float("inf")}, _MALFORMED),
    "a negative epsilon": ({"epsilon": -1.0}, _MALFORMED),
    "an epsilon of 400 digits": ({"epsilon": 10**400}, _MALFORMED),
    "a text as epsilon": ({"epsilon": "50.0"}, _MALFORMED),
    "a delta of 0": ({"delta": 0.0}, _MALFORMED),
    "a delta of 1": ({"delta": 1.0}, _MALFORMED),
    "negative noise": ({"noise_multiplier": -1.0}, _MALFORMED),
    "infinite noise": ({"noise_multiplier": float("inf")}, _MALFORMED),
    "a clipping norm of 0": ({"clipping_norms": "0"}, _MALFORMED),
    "an infinite clipping norm": ({"clipping_norms": "inf"}, _MALFORMED),
    "no clipping norm": ({"clipping_norms": ""}, _MALFORMED),
    "100,000 clipping norms": ({"clipping_norms": "1," * 100_000 + "1"}, _MALFORMED),
    "no round": ({"rounds": 0}, _MALFORMED),
    "a true number of rounds": ({"rounds": True}, _MALFORMED),
    "half a round": ({"rounds": 0.5}, _MALFORMED),
    "sampling beyond certainty": ({"sampling_probability": 2.0}, _MALFORMED),
    "a negative seed": ({"seed": -1}, _MALFORMED),
    "a temperature of 0": ({"temperature": 0.0}, _MALFORMED),
    "sites of no examples": ({"mean_nominal_examples": 0.0}, _MALFORMED),
    "an infinite learning rate": ({"learning_rate": float("inf")}, _MALFORMED),
    "a mechanism that is none": ({"mechanism": "dp-everything"}, _MALFORMED),
    "a unit that is none": ({"unit": "hospital"}, _MALFORMED),
    "an empty run id": ({"run_id": ""}, _MALFORMED),
    "a number as run id": ({"run_id": 7}, _MALFORMED),
    "a model of the server's choice": ({"model": "os:system"}, _MALFORMED),
    "20,000 fields more": ({f"x{n}": n for n in range(20_000)}, _MALFORMED),
    "a megabyte of text in one field more": ({"x": "x" * 900_000}, _MALFORMED),
}
_REFUSED_HEADS: dict[str, tuple[dict[str, Scalar], str]] = {
    "a head of a billion features": ({"head_dimension": 10**9}, _MALFORMED),
    "a head of more features than there are": ({"head_dimension": 512}, _PLAN),
    "a head for a billion sites": ({"head_sites": 10**9}, _PLAN),
    "head features that name code": ({"head_features": "os:system"}, _MALFORMED),
    "head features that leave the folder": (
        {"head_features": f"pixels+../../{ESCAPE}"},
        _MALFORMED,
    ),
    "the same head features 1,000 times": (
        {"head_features": "+".join(["pixels"] * 1000)},
        _MALFORMED,
    ),
    "head features of tables for images": ({"head_features": "standardised"}, _PLAN),
    "an exponent of a million": ({"head_exponent": 1e6}, _MALFORMED),
    "a ridge of 0": ({"head_ridge": 0.0}, _MALFORMED),
    "a head that takes many steps": ({"steps_per_round": 2}, _MALFORMED),
}


def _others() -> list[Attack]:
    """What is no plan at all."""
    reply = HelloReply(
        site_name="site-00",
        software="fedstill",
        num_classes=10,
        has_transfer_set=True,
        nominal_examples=40,
        epsilon=1.0,
        delta=1e-3,
        rounds=3,
        ledger_entries=4,
    ).to_envelope()
    refusal = Refusal(
        kind=MessageKind.HELLO, site_name="site-00", reason=RefusalReason.BUSY
    ).to_envelope()
    rows = {"inputs": np.zeros((3, 2), np.float32)}
    with_array = Envelope(kind=MessageKind.HELLO, fields=_FIELDS, arrays=rows)
    without = {name: one for name, one in _FIELDS.items() if name != "delta"}
    return [
        refused("a hello reply as a request", lambda: reply, _MALFORMED),
        refused("a refusal as a request", lambda: refusal, _MALFORMED),
        refused("a plan with an array", lambda: with_array, _MALFORMED),
        _hello("a plan without delta", without, _MALFORMED),
        _hello("a plan without anything", {}, _MALFORMED),
    ]


def _hello(name: str, fields: dict[str, Any], reason: str) -> Attack:
    envelope = Envelope(kind=MessageKind.HELLO, fields=fields)
    return refused(name, lambda: envelope, reason)


PLANS: tuple[Attack, ...] = (
    *_changed(),
    *(_hello(name, _FIELDS | new, why) for name, (new, why) in _REFUSED.items()),
    *(
        _hello(name, _HEAD_FIELDS | new, why)
        for name, (new, why) in _REFUSED_HEADS.items()
    ),
    *_others(),
)
PLAN_FIELDS = frozenset(RunPlan.to_fields(make_plan()))
