"""Rule 8: what is not finite becomes zero, and what is unknown is infinite."""

from tests.mutants.mutant import Mutant

_ACCOUNTANT = "tests/common/privacy/test_accountant.py"
_BUDGET = "tests/common/privacy/test_budget.py"
_HELLO = "tests/client/test_site_hello.py"
_NAN = (
    "tests/client/training/test_clipped_sums.py"
    "::test_batch_of_nothing_but_nan_adds_zero"
)

MUTANTS = (
    Mutant(
        name="a NaN gradient is not zeroed, hooks",
        rule=8,
        file="client/training/dp_sgd.py",
        old="if bad_rows.any():",
        new="if not bad_rows.any():",
        test=f"{_NAN}[cnn]",
    ),
    Mutant(
        name="a NaN gradient is not zeroed, ghost clipping",
        rule=8,
        file="client/training/clipped_sums.py",
        old="if not good_rows.all():",
        new="if good_rows.all():",
        test=f"{_NAN}[mlp]",
    ),
    Mutant(
        name="a row that is not finite is used",
        rule=8,
        file="client/private_data.py",
        old="kept = indices[self._usable[indices]]",
        new="kept = indices",
        test="tests/client/test_private_data.py"
        "::test_row_with_a_bad_input_is_left_out[nan]",
    ),
    Mutant(
        name="a student that is not finite is released",
        rule=8,
        file="client/training/keep_finite.py",
        old="if not all_finite(student):",
        new="if all_finite(student) is None:",
        test="tests/client/test_site_privacy.py"
        "::test_student_that_is_not_finite_is_replaced_silently",
    ),
    Mutant(
        name="an unknown event costs nothing",
        rule=8,
        file="common/privacy/accountant.py",
        old="    require_supported(events)\n    unbounded",
        new="    events = [\n"
        "        one\n"
        "        for one in events\n"
        "        if one.unit is PrivacyUnit.EXAMPLE\n"
        "        and one.adjacency is Adjacency.ADD_OR_REMOVE_ONE\n"
        "    ]\n"
        "    unbounded",
        test=f"{_ACCOUNTANT}::test_an_unknown_event_is_refused[fields0]",
    ),
    Mutant(
        name="an unknown epsilon is zero",
        rule=8,
        file="common/privacy/budget.py",
        old='object.__setattr__(self, "epsilon", math.inf)',
        new='object.__setattr__(self, "epsilon", 0.0)',
        test=f"{_BUDGET}::test_an_unknown_epsilon_is_infinite",
    ),
    Mutant(
        name="rounds without privacy cost nothing",
        rule=8,
        file="common/privacy/accountant.py",
        old="unbounded = any(has_no_guarantee(event) for event in events)",
        new="events = [one for one in events if one.mechanism.is_private]\n"
        "    unbounded = False",
        test=f"{_ACCOUNTANT}::test_an_event_without_guarantee_makes_epsilon_infinite",
    ),
    Mutant(
        name="a run without privacy needs nobody's word",
        rule=8,
        file="client/admission.py",
        old="if not policy.allow_non_private:",
        new="if policy.allow_non_private:",
        test=f"{_HELLO}::test_run_without_privacy_is_refused_by_default",
    ),
)
