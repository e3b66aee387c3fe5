"""Whether a run plan may touch a site's data: plan against policy, nothing else."""

from __future__ import annotations

from client.plan_limits import is_within_limits
from client.policy import SitePolicy
from client.refusal import RequestRefusedError
from common.codec import CODECS
from common.messages import RefusalReason
from common.privacy.commitment import Commitment
from common.privacy.events import Mechanism
from common.run_plan import RunPlan


def check_plan(plan: RunPlan, policy: SitePolicy) -> None:
    """Refuses a plan that the policy does not allow; budgets are not looked at.

    Args:
        plan: what the server asks for.
        policy: what the owner allows.

    Raises:
        RequestRefusedError: with the reason; a function of the arguments alone.
    """
    if not is_within_limits(plan):
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)
    if not policy.allows_run(plan.run_id):
        raise RequestRefusedError(RefusalReason.RUN_NOT_ALLOWED)
    _check_mechanism(plan, policy)
    if plan.num_classes != policy.num_classes:
        raise RequestRefusedError(RefusalReason.CLASSES_MISMATCH)
    if not policy.allows_transfer_set(plan.transfer_set_id):
        raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
    is_too_long = policy.most_rounds is not None and plan.rounds > policy.most_rounds
    if is_too_long or plan.codec not in CODECS:
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)


def check_committed(plan: RunPlan, commitment: Commitment, policy: SitePolicy) -> None:
    """Refuses to go on with a plan once the owner has made the policy tighter.

    Args:
        plan: of a run that the site takes part in.
        commitment: what was committed for it.
        policy: what the owner allows now.

    Raises:
        RequestRefusedError: with the reason; a function of the arguments alone.
    """
    check_plan(plan, policy)
    check_noise(plan, commitment, policy)


def check_noise(plan: RunPlan, commitment: Commitment, policy: SitePolicy) -> None:
    """Refuses private rounds with a noise multiplier below the policy's least.

    Raises:
        RequestRefusedError: with PLAN_NOT_ALLOWED.
    """
    is_private = plan.mechanism.is_private and commitment.rounds > 0
    if is_private and not _is_noise_allowed(commitment.noise_multiplier, policy):
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)


def _check_mechanism(plan: RunPlan, policy: SitePolicy) -> None:
    if plan.mechanism is Mechanism.NONE:
        if not policy.allow_non_private:
            raise RequestRefusedError(RefusalReason.NON_PRIVATE_NOT_ALLOWED)
        return
    if plan.mechanism not in policy.mechanisms:
        raise RequestRefusedError(RefusalReason.MECHANISM_NOT_ALLOWED)
    is_allowed = (
        plan.unit is policy.budget.unit
        and plan.delta <= policy.budget.delta
        and plan.delta < 1 / policy.nominal_examples
        and _is_noise_allowed(plan.noise_multiplier or None, policy)
    )
    if not is_allowed:
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)


def _is_noise_allowed(noise_multiplier: float | None, policy: SitePolicy) -> bool:
    """None stands for a noise multiplier that is still to be calibrated."""
    return noise_multiplier is None or noise_multiplier >= policy.least_noise_multiplier
