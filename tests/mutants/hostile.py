"""Rule 9 and what stands behind it: refusals that only a hostile relay would miss."""

from tests.mutants.mutant import Mutant

_TEST = "tests/test_hostile_relay.py::test_site_needs_no_custodian_to_refuse"

MUTANTS = (
    Mutant(
        name="a run id may move the owner's cursor",
        rule=9,
        file="client/plan_limits.py",
        old="    return plan.run_id.isprintable() and all(",
        new="    return all(",
        test=_TEST,
    ),
    Mutant(
        name="a plan may ask for any number of epochs",
        rule=9,
        file="client/plan_limits.py",
        old="        (digest.epochs, MOST_EPOCHS),\n",
        new="",
        test=_TEST,
    ),
    Mutant(
        name="every run id is allowed",
        rule=9,
        file="client/admission.py",
        old="    if not policy.allows_run(plan.run_id):\n",
        new="    if not plan.run_id:\n",
        test=_TEST,
    ),
    Mutant(
        name="a delta above the policy's is allowed",
        rule=9,
        file="client/admission.py",
        old="        and plan.delta <= policy.budget.delta\n",
        new="",
        test=_TEST,
    ),
    Mutant(
        name="calibrated noise may be less than the least",
        rule=9,
        file="client/hello.py",
        old="        check_noise(plan, commitment, parts.policy)\n",
        new="",
        test=_TEST,
    ),
    Mutant(
        name="a round may follow the finish",
        rule=9,
        file="client/rounds.py",
        old="    if committed.is_closed:\n",
        new="    if committed.is_closed and request.is_finish:\n",
        test=_TEST,
    ),
    Mutant(
        name="an example may be asked for twice at once",
        rule=9,
        file="client/requests.py",
        old="    return in_range and len(np.unique(indices)) == len(indices)\n",
        new="    return in_range\n",
        test=_TEST,
    ),
    Mutant(
        name="round numbers are not held against the plan",
        rule=9,
        file="client/rounds.py",
        old="    if not 1 <= request.round_number <= row.plan.rounds:",
        new="    if not 1 <= request.round_number:",
        test=_TEST,
    ),
)
