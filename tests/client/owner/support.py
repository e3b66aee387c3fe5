"""A policy file, small private data, and a run at the site that they describe."""

from __future__ import annotations

import contextlib

import numpy as np
import tomli_w

from client.owner.open_site import open_site
from client.owner.policy_file import load_policy_file
from common.messages import HelloRequest
from common.transfer_messages import TransferChunk
from simulations.seeded_randomness import SeededRandomness
from tests.client.support import (
    NOMINAL,
    NUM_CLASSES,
    PLAN,
    RUN_ID,
    finish_request,
    make_data,
    make_plan,
    make_transfer_set,
    reason_of,
    round_request,
)

SEEDED = SeededRandomness(run_seed=5, site_name="site-00")

VALUES = {
    "site-name": "site-00",
    "dataset-id": "ward-7",
    "nominal-examples": NOMINAL,
    "classes": NUM_CLASSES,
    "data": {"loader": "npz", "path": "examples.npz"},
    "budget": {"epsilon": 100.0, "delta": 1e-3},
    "limits": {"transfer-sets": [make_transfer_set().content_id]},
    "personal-student": {"epochs": 1},
    "socket": {"path": "run/site.sock"},
}


def changed(changes):
    """The policy's values with dotted keys changed; None leaves one out."""
    values = {
        key: dict(one) if isinstance(one, dict) else one for key, one in VALUES.items()
    }
    for key, value in changes.items():
        section, dot, inner = key.rpartition(".")
        inside = values.setdefault(section, {}) if dot else values
        if value is None:
            inside.pop(inner, None)
        else:
            inside[inner] = value
    return values


def write_policy(folder, /, **changes):
    """Writes ``site.toml`` beside its data; returns its path."""
    examples = folder / "examples.npz"
    if not examples.exists():
        data = make_data()
        np.savez(examples, inputs=data.inputs, labels=data.labels)
    path = folder / "site.toml"
    path.write_text(tomli_w.dumps(changed(changes)))
    path.chmod(0o644)
    return path


@contextlib.contextmanager
def opened(policy):
    """The seeded site of a policy, with its transfer set delivered."""
    with open_site(load_policy_file(policy), randomness=SEEDED) as site:
        deliver(site)
        yield site


def deliver(site):
    """Sends the transfer set whole."""
    transfer_set = make_transfer_set()
    chunk = TransferChunk(
        transfer_set_id=transfer_set.content_id,
        first_row=0,
        num_rows=len(transfer_set),
        inputs=transfer_set.inputs,
    )
    assert reason_of(site.answer(chunk.to_envelope())) is None


def play(site, *, rounds=PLAN.rounds, plan=None):
    """Plays a run to its end; returns the replies of its rounds."""
    hello = HelloRequest(plan=plan or make_plan())
    assert reason_of(site.answer(hello.to_envelope())) is None
    replies = [site.answer(round_request(number)) for number in range(1, rounds + 1)]
    if rounds == PLAN.rounds:
        replies.append(site.answer(finish_request()))
    assert [reason_of(reply) for reply in replies] == [None] * len(replies)
    return replies


def play_run(policy, **changes):
    """Plays a run at a site that is opened for it; returns the run id."""
    with opened(policy) as site:
        play(site, **changes)
    return RUN_ID
