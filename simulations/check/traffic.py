"""Bytes of a run before it is run: messages of the right shape, serialised."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from common.codec import CODECS, empty_payload, encode
from common.config import Config
from common.envelope import Array, Envelope
from common.messages import HelloReply, HelloRequest, RoundReply
from common.records import serialised_size, to_record
from common.run_plan import RunPlan
from common.soft_labels import SoftLabels
from common.transfer_set import TransferSet
from server.requests import finish_request, round_request
from server.round_state import RoundState
from server.validation import Asked

# A site states its versions at hello; a run may differ by a few bytes.
_SOFTWARE = "fedstill 0.1.0, torch 2.13.0+cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTraffic:
    """Bytes between the server and one site that answers every round.

    Attributes:
        up: of a round, from the site.
        down: of a round after the first, to the site.
        first_down: of the first round, which has no consensus yet.
        run_up: of the whole run, hello and finish included.
        run_down: the same to the site.
    """

    up: int
    down: int
    first_down: int
    run_up: int
    run_down: int


def forecast_traffic(
    config: Config, plan: RunPlan, transfer_set: TransferSet
) -> SiteTraffic:
    """Returns the bytes of one site, as a run would count them.

    Sizes do not depend on what soft labels say, so even ones stand in. Only
    numbers that are written in more digits later make a difference of a few bytes.
    """
    codec = CODECS[plan.codec]
    indices = np.arange(config.transfer.per_round, dtype=np.int32)
    even = np.full(
        (len(indices), plan.num_classes), -math.log(plan.num_classes), np.float32
    )
    consensus = SoftLabels(
        log_probabilities=even,
        temperature=plan.temperature,
        transfer_set_id=transfer_set.content_id,
        indices=indices,
    )
    asked = Asked(
        run_id=plan.run_id,
        round_number=plan.rounds,
        transfer_set_id=transfer_set.content_id,
        indices=indices,
        num_classes=plan.num_classes,
        temperature=plan.temperature,
        codec=codec,
    )
    first = _size(round_request(asked, None))
    down = _size(round_request(asked, consensus))
    up = _size(_reply(plan, encode(consensus, codec), is_finish=False))
    finish_up = _size(
        _reply(plan, empty_payload(codec, plan.num_classes), is_finish=True)
    )
    return SiteTraffic(
        up=up,
        down=down,
        first_down=first,
        run_up=_size(_hello_reply(config, plan)) + plan.rounds * up + finish_up,
        run_down=_size(HelloRequest(plan=plan).to_envelope())
        + first
        + (plan.rounds - 1) * down
        + _size(_finish(plan, consensus)),
    )


def _size(envelope: Envelope) -> int:
    return serialised_size(to_record(envelope))


def _reply(plan: RunPlan, payload: Array, *, is_finish: bool) -> Envelope:
    return RoundReply(
        run_id=plan.run_id,
        round_number=plan.rounds,
        transfer_set_id=plan.transfer_set_id,
        soft_labels=payload,
        budget_exhausted=False,
        ledger_entries=plan.rounds,
        is_finish=is_finish,
    ).to_envelope()


def _hello_reply(config: Config, plan: RunPlan) -> Envelope:
    return HelloReply(
        site_name=config.site_names[0],
        software=_SOFTWARE,
        num_classes=plan.num_classes,
        has_transfer_set=True,
        nominal_examples=max(config.nominal_examples),
        epsilon=plan.epsilon,
        delta=plan.delta,
        rounds=plan.rounds,
        ledger_entries=1,
    ).to_envelope()


def _finish(plan: RunPlan, consensus: SoftLabels) -> Envelope:
    state = RoundState(
        run_id=plan.run_id,
        round_number=plan.rounds,
        student=b"",
        consensus=consensus,
        lines=("",) * plan.rounds,
    )
    return finish_request(state, codec=CODECS[plan.codec], num_classes=plan.num_classes)
