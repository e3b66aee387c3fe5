"""The ways in which a Flower node can have a round answered, for measuring them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import tomli_w
import torch

from client.custodian.connection import CustodianConnection
from client.custodian.endpoint import Endpoint
from client.owner.open_site import open_site
from client.owner.policy_file import load_policy_file
from client.storage.store import Durability, Store
from common.codec import CODECS, encode
from common.config import Config
from common.data.parts import load_parts
from common.envelope import Envelope
from common.errors import FedstillError
from common.messages import HelloRequest, Refusal, RoundRequest
from common.privacy.commitment import Commitment
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels, log_softmax
from common.transfer_messages import TransferChunk
from server.planning import make_run_plan
from simulations.sites import private_examples

SITE = "the open site itself"
THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ROOT = Path(__file__).resolve().parents[1]

Answer = Callable[[Envelope], None]

_SECONDS = 600.0
_POLL_SECONDS = 0.1
_POLICY = "site.toml"
_SOCKET = "run/site.sock"
# A process for one message, as Flower starts it, with and without a custodian.
_RELAY = """
import sys
import client.app
from client.connection import connect
from common.envelope import Envelope
site = connect({"custodian": sys.argv[1]}, {})
reply = site.answer(Envelope.from_bytes(sys.stdin.buffer.read()))
sys.stdout.buffer.write(reply.to_bytes())
"""
_WHOLE_SITE = """
import sys
import client.app
from client.owner.open_site import open_site
from client.owner.policy_file import load_policy_file
from common.envelope import Envelope
with open_site(load_policy_file(sys.argv[1])) as site:
    reply = site.answer(Envelope.from_bytes(sys.stdin.buffer.read()))
sys.stdout.buffer.write(reply.to_bytes())
"""


def prepare_site(config: Config, folder: Path) -> Path:
    """Writes an experiment's first site after hello; returns its policy.

    Args:
        config: the experiment.
        folder: of the site, made here.
    """
    folder.mkdir()
    parts = load_parts(config)
    examples = private_examples(config, parts)[0]
    np.savez(folder / "examples.npz", inputs=examples.inputs, labels=examples.labels)
    privacy = config.privacy
    values = {
        "site-name": config.site_names[0],
        "dataset-id": config.site_names[0],
        "nominal-examples": config.nominal_examples[0],
        "classes": parts.num_classes,
        "data": {"loader": "npz", "path": "examples.npz"},
        "budget": {"epsilon": privacy.epsilon, "delta": privacy.delta},
        "model": {"name": config.site_models[0]},
        "socket": {"path": _SOCKET},
    }
    policy = folder / _POLICY
    policy.write_text(tomli_w.dumps(values))
    transfer_set = parts.transfer
    chunk = TransferChunk(
        transfer_set_id=transfer_set.content_id,
        first_row=0,
        num_rows=len(transfer_set),
        inputs=transfer_set.inputs,
    )
    with open_site(load_policy_file(policy)) as site:
        _check(site.answer(chunk.to_envelope()))
        _check(site.answer(HelloRequest(plan=_plan(config)).to_envelope()))
    return policy


def dialogue(config: Config) -> tuple[Envelope, ...]:
    """Returns all rounds of an experiment's plan, each over all examples."""
    plan = _plan(config)
    return tuple(_round(plan, number + 1) for number in range(plan.rounds))


def commit_seconds(
    config: Config, path: Path, durability: Durability, count: int
) -> tuple[float, ...]:
    """Returns the seconds of each of ``count`` reservations in a new ledger.

    Args:
        config: the experiment whose rounds are charged.
        path: of the new store.
        durability: what a commit survives.
        count: number of reservations.
    """
    plan = _plan(config)
    commitment = Commitment(
        noise_multiplier=1e3, rounds=count, epsilon=plan.epsilon, delta=plan.delta
    )
    store = Store(path, durability=durability)
    ledger = store.ledger("measured")
    event = ledger.commit_plan(plan, commitment).event
    assert event is not None  # the plan is private
    seconds = []
    for number in range(count):
        start = time.perf_counter()
        ledger.reserve(plan.run_id, number + 1, event, "0" * 64)
        seconds.append(time.perf_counter() - start)
    store.close()
    return tuple(seconds)


@contextmanager
def _in_this_process(policy: Path) -> Iterator[Answer]:
    torch.set_num_threads(1)  # like the other processes
    with open_site(load_policy_file(policy)) as site:
        yield lambda request: _check(site.answer(request))


@contextmanager
def _warm_relay(policy: Path) -> Iterator[Answer]:
    with _custodian(policy) as target:
        relay = CustodianConnection(Endpoint.parse(target), _SECONDS)
        yield lambda request: _check(relay.answer(request))


@contextmanager
def _fresh_relay(policy: Path) -> Iterator[Answer]:
    with _custodian(policy) as target:
        yield lambda request: _check(_process(_RELAY, target, request))


@contextmanager
def _fresh_site(policy: Path) -> Iterator[Answer]:
    yield lambda request: _check(_process(_WHOLE_SITE, str(policy), request))


WAYS: dict[str, Callable[[Path], AbstractContextManager[Answer]]] = {
    SITE: _in_this_process,
    "custodian, warm relay": _warm_relay,
    "custodian, a relay a message": _fresh_relay,
    "no custodian, a site a message": _fresh_site,
}


@contextmanager
def _custodian(policy: Path) -> Iterator[str]:
    """Serves a site in a process of its own; yields where."""
    command = [sys.executable, "-m", "fedstill", "site", "serve", f"--policy={policy}"]
    with (policy.parent / "custodian.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command
            command, cwd=ROOT, env=os.environ | THREADS, stdout=log, stderr=log
        )
    with process:
        try:
            _wait_for(policy.parent / _SOCKET, process)
            yield f"unix:{policy.parent / _SOCKET}"
        finally:
            process.terminate()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket(socket.AF_UNIX) as door, contextlib.suppress(OSError):
            door.connect(str(path))
            return
        time.sleep(_POLL_SECONDS)
    raise FedstillError(f"The custodian of {path} did not start. No times.")


def _process(code: str, argument: str, request: Envelope) -> Envelope:
    finished = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", code, argument],
        input=request.to_bytes(),
        cwd=ROOT,
        env=os.environ | THREADS,
        check=True,
        stdout=subprocess.PIPE,
    )
    return Envelope.from_bytes(finished.stdout)


def _check(reply: Envelope) -> None:
    refusal = Refusal.from_envelope(reply)
    if refusal is not None:
        raise FedstillError(f"The site refuses ({refusal.reason.value}). No times.")


def _plan(config: Config) -> RunPlan:
    parts = load_parts(config)
    return make_run_plan(config, parts.transfer, num_classes=parts.num_classes)


def _round(plan: RunPlan, number: int) -> Envelope:
    """A round over the whole transfer set; the consensus is that nobody knows."""
    indices = np.arange(plan.transfer_size, dtype=np.int32)
    known = indices[: 0 if number == 1 else None]
    logits = np.zeros((len(known), plan.num_classes))
    consensus = SoftLabels(
        log_probabilities=log_softmax(logits).astype(np.float32),
        temperature=plan.temperature,
        transfer_set_id=plan.transfer_set_id,
        indices=known,
    )
    return RoundRequest(
        run_id=plan.run_id,
        round_number=number,
        indices=indices,
        consensus_indices=known,
        consensus=encode(consensus, CODECS[plan.codec]),
        is_finish=False,
    ).to_envelope()
