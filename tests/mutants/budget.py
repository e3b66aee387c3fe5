"""Rule 1, first half: epsilon composes over rounds, runs and restarts."""

from tests.mutants.mutant import Mutant

_ACCOUNTANT = "tests/common/privacy/test_accountant.py"
_BUDGET = "tests/common/privacy/test_budget.py"
_COMMITMENT = "tests/common/privacy/test_commitment.py"
_HELLO = "tests/client/test_site_hello.py"
_LEDGER = "tests/common/privacy/test_ledger.py"
_PRIVACY = "tests/client/test_site_privacy.py"

MUTANTS = (
    Mutant(
        name="epsilon is the last round's",
        rule=1,
        file="common/privacy/ledger.py",
        old="return spent(self.events(run_id), delta=delta)",
        new="return spent(self.events(run_id)[-1:], delta=delta)",
        test=f"{_PRIVACY}::test_ledger_composes_all_rounds",
    ),
    Mutant(
        name="epsilon is the largest round's",
        rule=1,
        file="common/privacy/accountant.py",
        old="steps[key] = steps.get(key, 0) + event.steps",
        new="steps[key] = max(steps.get(key, 0), event.steps)",
        test=f"{_ACCOUNTANT}::test_the_commonest_mistake_in_the_field",
    ),
    Mutant(
        name="each run is decided as if it were the first",
        rule=1,
        file="client/hello.py",
        old="budget=parts.policy.budget, earlier=earlier)",
        new="budget=parts.policy.budget, earlier=[])",
        test=f"{_HELLO}::test_lifetime_budget_composes_over_runs",
    ),
    Mutant(
        name="finished runs are forgotten",
        rule=1,
        file="common/privacy/ledger_rows.py",
        old="for plan in self.plans)\n        return [event for",
        new="for plan in self.plans if not plan.is_closed)\n        return [event for",
        test=f"{_LEDGER}::test_a_new_run_brings_no_new_budget",
    ),
    Mutant(
        name="ledger is keyed by run",
        rule=1,
        file="common/privacy/ledger.py",
        old="        return self._tables.read().counted\n",
        new="        return self._tables.read().counted[:0]\n",
        test=f"{_PRIVACY}::test_second_run_on_a_spent_budget_reads_no_private_row",
    ),
    Mutant(
        name="ledger is keyed by the data",
        rule=1,
        file="client/parts.py",
        old="return self.store.ledger(self.policy.dataset_id)",
        new='return self.store.ledger(self.data.fingerprint(b"key"))',
        test=f"{_HELLO}::test_changed_data_are_refused_until_the_owner_agrees",
    ),
    Mutant(
        name="the filter sees the new run alone",
        rule=1,
        file="common/privacy/commitment.py",
        old="return privacy_filter.bound(self.budget, [*self.earlier, event])",
        new="return privacy_filter.bound(self.budget, [event])",
        test=f"{_COMMITMENT}::test_the_same_epsilon_twice_does_not_fit",
    ),
    Mutant(
        name="the tight accountant decides on adaptive plans",
        rule=1,
        file="common/privacy/commitment.py",
        old="return privacy_filter.bound(self.budget, [*self.earlier, event])",
        new="return spent([*self.earlier, event], delta=self.budget.delta)",
        test=f"{_COMMITMENT}"
        "::test_a_second_plan_is_judged_by_the_filter_over_all_events[changes0]",
    ),
    Mutant(
        name="a budget covers twice its epsilon",
        rule=1,
        file="common/privacy/budget.py",
        old="spent.epsilon <= self.epsilon",
        new="spent.epsilon <= 2 * self.epsilon",
        test=f"{_BUDGET}::test_a_budget_covers_no_more[4.001]",
    ),
    Mutant(
        name="reserve grants any number of rounds",
        rule=1,
        file="common/privacy/ledger.py",
        old="if plan.is_closed or reserved >= plan.commitment.rounds:",
        new="if plan.is_closed:",
        test=f"{_LEDGER}::test_an_exhausted_budget_writes_nothing",
    ),
    Mutant(
        name="a round may spend another event",
        rule=1,
        file="common/privacy/ledger.py",
        old="if plan.event not in (event, None):",
        new="if plan.event is None:",
        test=f"{_LEDGER}::test_another_event_than_the_committed_one_is_refused",
    ),
    Mutant(
        name="an abandoned reservation is not spent",
        rule=1,
        file="common/privacy/ledger.py",
        old="for one in self._tables.read().reservations_of(run_id)]",
        new="for one in self._tables.read().reservations if one.is_settled]",
        test=f"{_LEDGER}::test_an_abandoned_reservation_stays_spent",
    ),
    Mutant(
        name="an abandoned reservation is refunded at finish",
        rule=1,
        file="common/privacy/ledger_rows.py",
        old="        reserved = self._reserved_rounds()\n        events",
        new="        reserved = Counter(\n"
        "            one.run_id for one in self.reservations if one.is_settled\n"
        "        )\n        events",
        test=f"{_LEDGER}"
        "::test_an_open_plan_counts_whole_and_a_closed_one_what_it_reserved",
    ),
    Mutant(
        name="a plan stopped in view of its answers is refunded",
        rule=1,
        file="common/privacy/ledger_rows.py",
        old="self.commitment.is_indivisible and reserved_rounds > 0",
        new="self.commitment.is_indivisible and reserved_rounds < 0",
        test=f"{_LEDGER}::test_a_first_plan_beyond_the_filter_is_spent_whole",
    ),
    Mutant(
        name="two runs may commit one budget at once",
        rule=1,
        file="client/hello.py",
        old="if parts.ledger.committed_events() == earlier:",
        new="if parts.ledger is not None:",
        test=f"{_HELLO}::test_two_runs_cannot_commit_the_same_budget_at_once",
    ),
    Mutant(
        name="a changed plan is accepted",
        rule=1,
        file="client/hello.py",
        old="committed.plan_id != plan.content_id:",
        new="committed.plan_id == plan.run_id:",
        test=f"{_HELLO}::test_changed_plan_is_refused",
    ),
)
