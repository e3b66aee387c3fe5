"""Hello: checks a run plan against policy and budget, and commits to it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import torch

from client.admission import check_noise, check_plan
from client.parts import SiteParts
from client.refusal import RequestRefusedError
from client.students import new_student
from common.envelope import Envelope
from common.errors import DataError, InvalidReplyError, LedgerCorruptedError
from common.messages import (
    HelloReply,
    HelloRequest,
    RefusalReason,
)
from common.privacy.commitment import Commitment, decide
from common.run_plan import RunPlan

_ATTEMPTS = 10


def answer_hello(parts: SiteParts, envelope: Envelope) -> Envelope:
    """Returns the hello reply; the same plan gets the same commitment again.

    Raises:
        RequestRefusedError: the site does not take part.
    """
    try:
        plan = HelloRequest.from_envelope(envelope).plan
    except InvalidReplyError as error:
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error
    committed = parts.ledger.plan(plan.run_id)
    if committed is None:
        commitment = _commit(parts, plan)
    elif committed.plan_id != plan.content_id:
        raise RequestRefusedError(RefusalReason.PLAN_CHANGED)
    else:
        commitment = committed.commitment
    return HelloReply(
        site_name=parts.policy.site_name,
        software=software_versions(),
        num_classes=parts.policy.num_classes,
        has_transfer_set=True,
        nominal_examples=parts.policy.nominal_examples,
        epsilon=commitment.epsilon,
        delta=commitment.delta,
        rounds=commitment.rounds,
        ledger_entries=parts.ledger.entry_count(),
    ).to_envelope()


def software_versions() -> str:
    """Returns the versions that a site states, for example ``torch 2.13.0``."""
    try:
        own = version("fedstill")
    except PackageNotFoundError:  # run from its source folder
        own = "source"
    return f"fedstill {own}, torch {torch.__version__}"


def _commit(parts: SiteParts, plan: RunPlan) -> Commitment:
    check_plan(plan, parts.policy, parts.transfer_set)
    weights = _initial_weights(parts, plan)
    for _ in range(_ATTEMPTS):
        earlier = parts.ledger.committed_events()
        commitment = decide(plan, budget=parts.policy.budget, earlier=earlier)
        if plan.mechanism.is_private and commitment.rounds > 0:
            check_noise(commitment.noise_multiplier, parts.policy)
        with parts.store.transaction():
            # Another process may have committed the same budget to another run.
            if parts.ledger.committed_events() == earlier:
                parts.store.open_run(parts.policy.dataset_id, plan, weights)
                parts.ledger.commit_plan(plan, commitment)
                return commitment
    raise LedgerCorruptedError(
        f"The ledger changed {_ATTEMPTS} times while run {plan.run_id!r} was decided. "
        "Nothing was committed."
    )


def _initial_weights(parts: SiteParts, plan: RunPlan) -> bytes:
    """Builds a run's student; a model must be one that can be trained privately."""
    if plan.head is None:
        if plan.mechanism.is_private and parts.model_problems:
            raise RequestRefusedError(RefusalReason.MODEL_NOT_ALLOWED)
        return new_student(parts, plan).to_bytes()
    try:
        return new_student(parts, plan).to_bytes()
    except (DataError, ValueError) as error:  # features that the site cannot have
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED) from error
