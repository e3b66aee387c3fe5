"""How large a run plan may be at all: far above honest use, far below a day's work.

A plan comes from a server that a site need not trust. Every number in it that costs the
site time or memory is bounded here, so that one request ends. Numbers that only scale
are not: what they make overflow is dropped (rule 8). Dimensions of heads are bounded in
their recipe, and indices by the transfer set.
"""

from __future__ import annotations

from common.run_plan import RunPlan

MOST_LETTERS = 256  # of a run id
MOST_ROUNDS = 10_000  # honest: hundreds
MOST_STEPS_PER_ROUND = 100_000  # honest: hundreds
MOST_EPOCHS = 1_000  # of a round on private data, or of a digest; honest: 60
MOST_BATCH_SIZE = 1_000_000  # of a digest; honest: thousands
MOST_SITES = 1_000_000
MOST_SEED = 2**63 - 1
# Far below what anybody wants and far above where float32 runs out of digits: at a norm
# of 1e-45 rounding alone lets one example move a sum by 2.7 norms (measured).
LEAST_CLIPPING_NORM = 1e-20


def is_within_limits(plan: RunPlan) -> bool:
    """Returns whether a site can work on a plan: a function of the plan alone."""
    digest = plan.distillation
    most = [
        (len(plan.run_id), MOST_LETTERS),
        (plan.rounds, MOST_ROUNDS),
        (plan.steps_per_round, MOST_STEPS_PER_ROUND),
        (plan.steps_per_round * plan.sampling_probability, MOST_EPOCHS),
        (digest.epochs, MOST_EPOCHS),
        (digest.batch_size, MOST_BATCH_SIZE),
        (plan.seed, MOST_SEED),
        (LEAST_CLIPPING_NORM, min(plan.clipping_norms)),
    ]
    if plan.head is not None:
        most.append((plan.head.sites, MOST_SITES))
    # The owner's commands print run ids: none may move a cursor or forge a line.
    return plan.run_id.isprintable() and all(value <= limit for value, limit in most)
