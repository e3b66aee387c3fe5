"""Rules 4, 5, 7 and 9: nothing private shows but what the mechanism releases."""

from tests.mutants.mutant import Mutant

_HELLO = "tests/client/test_site_hello.py"
_NEIGHBOURS = (
    "tests/client/test_site_privacy.py"
    "::test_neighbouring_data_sets_behave_alike_in_public"
)
_PRIVACY = "tests/client/test_site_privacy.py"
_ROUNDS = "tests/client/test_site_rounds.py"
_WEIGHT = (
    "tests/server/aggregation/test_rules.py::test_what_a_site_reports_is_no_weight"
)
_STACK = "np.stack([reply.soft_labels.log_probabilities for reply in ordered])\n"

MUTANTS = (
    Mutant(
        name="BatchNorm is let in",
        rule=4,
        file="client/hello.py",
        old="if plan.mechanism.is_private and parts.model_problems:",
        new="if not plan.mechanism.is_private and parts.model_problems:",
        test=f"{_HELLO}::test_batch_norm_model_is_refused_under_privacy",
    ),
    Mutant(
        name="BatchNorm in the zoo",
        rule=4,
        file="common/models/resnet8.py",
        old="self.first_norm = nn.GroupNorm(GROUPS, channels_out)",
        new="self.first_norm = nn.BatchNorm2d(channels_out)",
        test="tests/common/models/test_zoo.py"
        "::test_no_layer_mixes_examples_or_works_in_place[resnet8]",
    ),
    Mutant(
        name="inputs are centred by private means",
        rule=4,
        file="client/private_data.py",
        old='"inputs", read_only(inputs, np.float32))',
        new='"inputs", read_only(inputs - np.nanmean(inputs, 0), np.float32))',
        test="tests/client/test_private_data.py"
        "::test_row_does_not_depend_on_the_other_rows",
    ),
    Mutant(
        name="classes are counted in private labels",
        rule=4,
        file="client/hello.py",
        old="num_classes=parts.policy.num_classes,",
        new="num_classes=int(parts.data.labels.max()) + 1,",
        test=f"{_HELLO}::test_hello_states_public_facts",
    ),
    Mutant(
        name="the hello counts the examples",
        rule=5,
        file="client/hello.py",
        old="nominal_examples=parts.policy.nominal_examples,",
        new="nominal_examples=len(parts.data),",
        test=f"{_HELLO}::test_hello_states_public_facts",
    ),
    Mutant(
        name="a reply counts the examples",
        rule=5,
        file="client/rounds.py",
        old="ledger_entries=self._ledger_entries(),",
        new="ledger_entries=len(self.parts.data),",
        test=f"{_ROUNDS}::test_round_is_answered_with_soft_labels",
    ),
    Mutant(
        name="a reply tells the local accuracy",
        rule=5,
        file="client/rounds.py",
        old="        self._release(student.to_bytes(), reply.to_bytes())\n",
        new="        from common.prediction import accuracy\n"
        "        data = self.parts.data\n"
        "        reply.fields['local_accuracy'] = accuracy(\n"
        "            student.released(), data.inputs, data.labels\n"
        "        )\n"
        "        self._release(student.to_bytes(), reply.to_bytes())\n",
        test=f"{_ROUNDS}::test_reply_holds_nothing_but_the_schema",
    ),
    Mutant(
        name="ledger entries weight the consensus",
        rule=7,
        file="server/aggregation/rules.py",
        old=_STACK,
        new="np.repeat(\n"
        "        [reply.soft_labels.log_probabilities for reply in ordered],\n"
        "        [reply.ledger_entries for reply in ordered],\n"
        "        axis=0,\n"
        "    )\n",
        test=f"{_WEIGHT}[reported0]",
    ),
    Mutant(
        name="a flag weights the consensus",
        rule=7,
        file="server/aggregation/rules.py",
        old=_STACK,
        new="np.repeat(\n"
        "        [reply.soft_labels.log_probabilities for reply in ordered],\n"
        "        [2 - reply.budget_exhausted for reply in ordered],\n"
        "        axis=0,\n"
        "    )\n",
        test=f"{_WEIGHT}[reported1]",
    ),
    Mutant(
        name="a broken row makes the site refuse",
        rule=9,
        file="client/hello.py",
        old="if plan.mechanism.is_private and parts.model_problems:",
        new="if plan.mechanism.is_private and (\n"
        "        parts.model_problems or parts.data.problems\n"
        "    ):",
        test=f"{_NEIGHBOURS}[one broken row]",
    ),
    Mutant(
        name="a wrong label raises a flag",
        rule=9,
        file="client/rounds.py",
        old="budget_exhausted=is_exhausted,",
        new="budget_exhausted=is_exhausted\n"
        "            or bool((self.parts.data.labels > 9).any()),",
        test=f"{_NEIGHBOURS}[one wrong label]",
    ),
    Mutant(
        name="a large value makes a round fail",
        rule=9,
        file="client/rounds.py",
        old="        parts, plan = self.parts, self.plan\n",
        new="        parts, plan = self.parts, self.plan\n"
        "        if parts.data.inputs.max() > 1e6:\n"
        "            raise ValueError('an outlier')\n",
        test=f"{_NEIGHBOURS}[one hostile row]",
    ),
    Mutant(
        name="an exception's text goes to the server",
        rule=9,
        file="client/site.py",
        old="            reason = RefusalReason.INTERNAL_ERROR\n",
        new="            reason = RefusalReason.INTERNAL_ERROR\n"
        "            return Envelope(\n"
        "                kind=request.kind,\n"
        "                fields={'refusal': reason.value, 'detail': str(error)},\n"
        "            )\n",
        test=f"{_PRIVACY}::test_exception_leaves_as_a_closed_reason",
    ),
    Mutant(
        name="an exception's text goes to the log",
        rule=9,
        file="client/site.py",
        old="            _log_place(self.policy.site_name, error)\n",
        new="            _LOG.error('%s: %s', type(error).__name__, error)\n",
        test=f"{_PRIVACY}::test_exception_leaves_as_a_closed_reason",
    ),
    Mutant(
        name="an exception leaves the relay",
        rule=9,
        file="client/app.py",
        old='        _LOG.error("The relay failed: %s.", type(error).__name__)\n',
        new="        raise\n",
        test="tests/client/test_app.py"
        "::test_failing_provider_leaves_as_a_closed_reason",
    ),
)
