"""Whether a run plan may touch a site's data: plan against policy, nothing else."""

from __future__ import annotations

from client.policy import SitePolicy
from client.refusal import RequestRefusedError
from common.codec import CODECS
from common.messages import RefusalReason
from common.privacy.events import Mechanism
from common.run_plan import RunPlan
from common.transfer_set import TransferSet

# Far below what anybody wants and far above where float32 runs out of digits: at a norm
# of 1e-45 rounding alone lets one example move a sum by 2.7 norms (measured).
LEAST_CLIPPING_NORM = 1e-20


def check_plan(plan: RunPlan, policy: SitePolicy, transfer_set: TransferSet) -> None:
    """Refuses a plan that the policy does not allow; budgets are not looked at.

    Args:
        plan: what the server asks for.
        policy: what the owner allows.
        transfer_set: the transfer set that the site holds.

    Raises:
        RequestRefusedError: with the reason; a function of the arguments alone.
    """
    _check_mechanism(plan, policy)
    if plan.num_classes != policy.num_classes:
        raise RequestRefusedError(RefusalReason.CLASSES_MISMATCH)
    if (plan.transfer_set_id, plan.transfer_size) != (
        transfer_set.content_id,
        len(transfer_set),
    ):
        raise RequestRefusedError(RefusalReason.TRANSFER_SET_MISMATCH)
    if plan.codec not in CODECS:
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
        and min(plan.clipping_norms) >= LEAST_CLIPPING_NORM
        and _is_noise_allowed(plan.noise_multiplier or None, policy)
    )
    if not is_allowed:
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)


def check_noise(noise_multiplier: float, policy: SitePolicy) -> None:
    """Refuses a calibrated noise multiplier below the policy's least.

    Raises:
        RequestRefusedError: with PLAN_NOT_ALLOWED.
    """
    if not _is_noise_allowed(noise_multiplier, policy):
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)


def _is_noise_allowed(noise_multiplier: float | None, policy: SitePolicy) -> bool:
    """None stands for a noise multiplier that is still to be calibrated."""
    return noise_multiplier is None or noise_multiplier >= policy.least_noise_multiplier
