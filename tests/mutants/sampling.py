"""Rules 2 and 3: Poisson samples, and public constants in place of counts."""

from tests.mutants.mutant import Mutant

_DP_SGD = "tests/client/training/test_dp_sgd.py"
_HELLO = "tests/client/test_site_hello.py"
_NEIGHBOURS = (
    "tests/client/test_site_privacy.py"
    "::test_neighbouring_data_sets_behave_alike_in_public"
)
_PRIVACY = "tests/client/test_site_privacy.py"
_SAMPLE = (
    "            sample = stream.poisson_sample("
    "len(data), settings.sampling_probability)\n"
)
_STEPS = "        for _ in range(settings.steps):\n"

MUTANTS = (
    Mutant(
        name="batches are uniform samples of a fixed size",
        rule=2,
        file="client/training/random_stream.py",
        old="return np.flatnonzero(uniforms < sampling_probability).astype(np.int64)",
        new="size = round(num_examples * sampling_probability)\n"
        "        return np.sort(np.argsort(uniforms)[:size])",
        test=f"{_DP_SGD}::test_batches_are_poisson_samples",
    ),
    Mutant(
        name="shuffled epochs are accounted as Poisson",
        rule=2,
        file="client/training/dp_sgd.py",
        old=_STEPS + _SAMPLE,
        new="        size = round(len(data) * settings.sampling_probability)\n"
        "        order = np.zeros(0, np.int64)\n"
        f"{_STEPS}"
        "            if len(order) < size:\n"
        "                order = stream.permutation(len(data))\n"
        "            sample, order = order[:size], order[size:]\n",
        test=f"{_PRIVACY}::test_batches_of_a_site_are_poisson_samples",
    ),
    Mutant(
        name="one sample serves all steps of a round",
        rule=2,
        file="client/training/dp_sgd.py",
        old=_STEPS + _SAMPLE,
        new=_SAMPLE.removeprefix("    ") + _STEPS,
        test=f"{_PRIVACY}::test_batches_of_a_site_are_poisson_samples",
    ),
    Mutant(
        name="batches above the expected size are cut",
        rule=2,
        file="client/training/dp_sgd.py",
        old=_SAMPLE,
        new=f"{_SAMPLE}"
        "            sample = sample[: int(settings.expected_batch_size)]\n",
        test=f"{_PRIVACY}::test_batches_of_a_site_are_poisson_samples",
    ),
    Mutant(
        name="empty batches are skipped",
        rule=2,
        file="client/training/dp_sgd.py",
        old=_SAMPLE,
        new=f"{_SAMPLE}            if len(sample) == 0:\n                continue\n",
        test=f"{_DP_SGD}::test_empty_batch_takes_a_noisy_step",
    ),
    Mutant(
        name="the realised batch size divides",
        rule=3,
        file="client/training/dp_sgd.py",
        old=_SAMPLE,
        new=f"{_SAMPLE}            private.expected_batch_size = len(sample) or 1\n",
        test=f"{_DP_SGD}::test_expected_batch_size_divides_and_not_the_realised_one[mlp]",
    ),
    Mutant(
        name="the true number of examples divides",
        rule=3,
        file="client/training/dp_sgd.py",
        old="    with per_example_gradients(student, private) as accumulate:\n"
        "        for _",
        new="    private.expected_batch_size = (\n"
        "        settings.sampling_probability * len(data)\n"
        "    )\n"
        "    with per_example_gradients(student, private) as accumulate:\n"
        "        for _",
        test=f"{_PRIVACY}::test_nominal_examples_and_not_the_true_number_divide",
    ),
    Mutant(
        name="the accounted sample follows the true number of examples",
        rule=3,
        file="client/hello.py",
        old="commitment = decide(plan, budget",
        new="commitment = decide(__import__('dataclasses').replace(plan, "
        "sampling_probability=10 / len(parts.data)), budget",
        test=f"{_NEIGHBOURS}[one row less]",
    ),
    Mutant(
        name="a flag follows the true number of examples",
        rule=3,
        file="client/rounds.py",
        old="budget_exhausted=is_exhausted,",
        new="budget_exhausted=is_exhausted\n"
        "            or len(self.parts.data) < self.parts.policy.nominal_examples,",
        test=f"{_NEIGHBOURS}[one row less]",
    ),
    Mutant(
        name="a run's delta may give away an example",
        rule=3,
        file="client/admission.py",
        old="        and plan.delta < 1 / policy.nominal_examples\n",
        new="",
        test=f"{_HELLO}::test_plan_at_whose_delta_an_example_is_given_away_is_refused",
    ),
    Mutant(
        name="a policy's delta may give away an example",
        rule=3,
        file="client/policy.py",
        old="                0, 1 / self.nominal_examples, budget",
        new="                0, 2 / self.nominal_examples, budget",
        test=f"{_HELLO}::test_policy_refuses_a_delta_that_gives_away_an_example",
    ),
)
