"""Rules 1, 3, 6, 8 and 10 where the student is an additive head."""

from tests.mutants.mutant import Mutant

_HEAD = "client/training/head_student.py"
_TESTS = "tests/client/training/test_head_student.py"
_NORM = "clipping_norm=plan.clipping_norm(round_number),"

MUTANTS = (
    Mutant(
        name="features of private rows are computed at hello",
        rule=1,
        file=_HEAD,
        old="        self._head = self._space.new_head(plan.num_classes)\n",
        new="        self._head = self._space.new_head(plan.num_classes)\n"
        "        parts.private_features(self._space).rows(np.arange(1))\n",
        test=f"{_TESTS}::test_the_charge_is_in_the_ledger_before_a_row_is_read",
    ),
    Mutant(
        name="the true number of examples divides a head's sum",
        rule=3,
        file=_HEAD,
        old="expected_batch_size=plan.mean_nominal_examples,",
        new="expected_batch_size=len(self._parts.data),",
        test=f"{_TESTS}::test_nominal_examples_divide_the_sum_of_heads",
    ),
    Mutant(
        name="a head's first round is not clipped",
        rule=6,
        file=_HEAD,
        old=_NORM,
        new="clipping_norm=plan.clipping_norm(round_number) * (\n"
        "                2.0 if round_number == 1 else 1.0\n            ),",
        test=f"{_TESTS}"
        "::test_every_example_is_clipped_from_a_hostile_first_consensus_too",
    ),
    Mutant(
        name="features are not of unit norm",
        rule=6,
        file=_HEAD,
        old="examples = self._parts.private_features(self._space)\n",
        new="examples = self._parts.private_features(self._space)\n"
        "        settings = PrivateSteps(\n"
        "            steps=1, sampling_probability=1, learning_rate=1,\n"
        "            expected_batch_size=plan.mean_nominal_examples,\n"
        "            clipping_norm=3 * plan.clipping_norm(round_number),\n"
        "            noise_multiplier=noise_multiplier / 3,\n        )\n",
        test=f"{_TESTS}"
        "::test_every_example_is_clipped_from_a_hostile_first_consensus_too",
    ),
    Mutant(
        name="a clipping norm that rounding exceeds is accepted",
        rule=6,
        file="client/plan_limits.py",
        old="(LEAST_CLIPPING_NORM, min(plan.clipping_norms)),",
        new="(0.0, min(plan.clipping_norms)),",
        test=f"{_TESTS}"
        "::test_a_clipping_norm_that_rounding_would_exceed_is_refused[heads-norms0]",
    ),
    Mutant(
        name="noise of heads times 0.9",
        rule=6,
        file=_HEAD,
        old="noise_multiplier=noise_multiplier,",
        new="noise_multiplier=0.9 * noise_multiplier,",
        test=f"{_TESTS}::test_noise_of_heads_has_exactly_the_charged_scale",
    ),
    Mutant(
        name="a head that is not finite is released",
        rule=8,
        file=_HEAD,
        old="        train_or_keep(\n"
        "            self._head,\n"
        "            lambda: self._space.digest(self._head, consensus, codec=codec),\n"
        "        )\n",
        new="        self._space.digest(self._head, consensus, codec=codec)\n",
        test=f"{_TESTS}::test_a_consensus_that_overflows_leaves_the_head_as_it_was",
    ),
    Mutant(
        name="every round of a head has the noise of the first",
        rule=10,
        file="client/rounds.py",
        old="stream = parts.randomness.stream(plan.run_id, self.request.round_number)",
        new="stream = parts.randomness.stream(plan.run_id, 1)",
        test=f"{_TESTS}::test_noise_of_two_rounds_of_heads_is_uncorrelated",
    ),
)
