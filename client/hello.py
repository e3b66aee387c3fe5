"""Hello: checks a run plan against policy and budget, and commits to it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import torch

from client.admission import check_noise, check_plan
from client.parts import SiteParts
from client.refusal import RequestRefusedError
from client.training.students import new_student
from common.envelope import Envelope
from common.errors import DataError, InvalidReplyError, LedgerCorruptedError
from common.failpoints import failpoint
from common.messages import HelloReply, HelloRequest, RefusalReason
from common.privacy.commitment import Commitment, decide
from common.run_plan import RunPlan

_ATTEMPTS = 10


def answer_hello(parts: SiteParts, envelope: Envelope) -> Envelope:
    """Returns the hello reply; the same plan gets the same commitment again.

    Nothing is committed before the plan's transfer set is here.

    Raises:
        RequestRefusedError: the site does not take part.
    """
    try:
        plan = HelloRequest.from_envelope(envelope).plan
    except InvalidReplyError as error:
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error
    committed = parts.ledger.plan(plan.run_id)
    if committed is not None and committed.plan_id != plan.content_id:
        raise RequestRefusedError(RefusalReason.PLAN_CHANGED)
    check_plan(plan, parts.policy)
    if not _has_transfer_set(parts, plan):
        return _reply(parts, _nothing(plan), has_transfer_set=False)
    if committed is None:
        commitment = _commit(parts, plan)
        failpoint("site.hello-after-commit")
        return _reply(parts, commitment, has_transfer_set=True)
    check_noise(plan, committed.commitment, parts.policy)
    return _reply(parts, committed.commitment, has_transfer_set=True)


def software_versions() -> str:
    """Returns the versions that a site states, for example ``torch 2.13.0``."""
    try:
        own = version("fedstill")
    except PackageNotFoundError:  # run from its source folder
        own = "source"
    return f"fedstill {own}, torch {torch.__version__}"


def _reply(
    parts: SiteParts, commitment: Commitment, *, has_transfer_set: bool
) -> Envelope:
    return HelloReply(
        site_name=parts.policy.site_name,
        software=software_versions(),
        num_classes=parts.policy.num_classes,
        has_transfer_set=has_transfer_set,
        nominal_examples=parts.policy.nominal_examples,
        epsilon=commitment.epsilon,
        delta=commitment.delta,
        rounds=commitment.rounds,
        ledger_entries=parts.ledger.entry_count(),
    ).to_envelope()


def _nothing(plan: RunPlan) -> Commitment:
    """What is said while the transfer set is not here; it binds nobody."""
    return Commitment(noise_multiplier=0.0, rounds=0, epsilon=0.0, delta=plan.delta)


def _has_transfer_set(parts: SiteParts, plan: RunPlan) -> bool:
    """Whether the set is here; refuses one that cannot be, or that does not fit."""
    found = parts.transfer_sets.find(plan.transfer_set_id)
    if found is None:
        if not parts.transfer_sets.takes(plan.transfer_set_id):
            raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
        return False
    if found.inputs.shape != (plan.transfer_size, *parts.input_shape):
        raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
    return True


def _commit(parts: SiteParts, plan: RunPlan) -> Commitment:
    weights = _initial_weights(parts, plan)
    for _ in range(_ATTEMPTS):
        earlier = parts.ledger.committed_events()
        commitment = decide(plan, budget=parts.policy.budget, earlier=earlier)
        check_noise(plan, commitment, parts.policy)
        failpoint("site.hello-before-commit")
        with parts.store.transaction():
            # Another process may have committed the same budget to another run.
            if parts.ledger.committed_events() == earlier:
                parts.store.open_run(parts.policy.dataset_id, plan, weights)
                failpoint("site.hello-mid-commit")
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
