"""Rules 6 and 10: noise for the true sensitivity, from a key that nobody knows."""

from tests.mutants.mutant import Mutant

_CLIPPED = "tests/client/training/test_clipped_sums.py"
_DP_SGD = "tests/client/training/test_dp_sgd.py"
_HOSTILE = (
    f"{_CLIPPED}::test_one_hostile_example_moves_the_sum_by_at_most_the_clipping_norm"
)
_PRIVACY = "tests/client/test_site_privacy.py"
_COEFFICIENTS = (
    "coefficients = (clipping_norm / (norms + _STABILISER)).clamp(max=1.0)\n"
)
_STREAM = "stream = parts.randomness.stream(plan.run_id, self.request.round_number)"

MUTANTS = (
    Mutant(
        name="noise times 0.9",
        rule=6,
        file="client/training/dp_sgd.py",
        old="* self._noise_std\n",
        new="* (0.9 * self._noise_std)\n",
        test=f"{_PRIVACY}::test_noise_has_exactly_the_charged_scale",
    ),
    Mutant(
        name="noise without the clipping norm",
        rule=6,
        file="client/training/dp_sgd.py",
        old="return self.noise_multiplier * self.sensitivity()",
        new="return self.noise_multiplier",
        test=f"{_DP_SGD}::test_noise_of_the_weights_change_has_the_promised_scale[1]",
    ),
    Mutant(
        name="the sensitivity is typed in",
        rule=6,
        file="client/training/dp_sgd.py",
        old="return self.clipping_norm\n",
        new="return 1.0\n",
        test=f"{_DP_SGD}::test_sensitivity_is_derived_from_the_clipping_norm",
    ),
    Mutant(
        name="the sensitivity is halved",
        rule=6,
        file="client/training/dp_sgd.py",
        old="return self.clipping_norm\n",
        new="return self.clipping_norm / 2\n",
        test=f"{_PRIVACY}::test_noise_has_exactly_the_charged_scale",
    ),
    Mutant(
        name="noise in the first step only",
        rule=6,
        file="client/training/dp_sgd.py",
        old="        self.add_noise()\n",
        new="        self.add_noise()\n        self._noise_std = 0.0\n",
        test=f"{_DP_SGD}::test_noise_of_the_weights_change_has_the_promised_scale[4]",
    ),
    Mutant(
        name="nothing is clipped, ghost clipping",
        rule=6,
        file="client/training/clipped_sums.py",
        old=_COEFFICIENTS,
        new="coefficients = torch.ones_like(norms)\n",
        test=f"{_HOSTILE}[1000000.0-mlp]",
    ),
    Mutant(
        name="nothing is clipped, hooks",
        rule=6,
        file="client/training/clipped_sums.py",
        old=_COEFFICIENTS,
        new="coefficients = torch.ones_like(norms)\n",
        test=f"{_DP_SGD}"
        "::test_one_hostile_row_moves_the_weights_by_a_bounded_amount[cnn]",
    ),
    Mutant(
        name="the batch is clipped and not the example",
        rule=6,
        file="client/training/clipped_sums.py",
        old=_COEFFICIENTS,
        new="mean = norms[torch.isfinite(norms)].mean().expand_as(norms)\n"
        "    coefficients = (clipping_norm / (mean + _STABILISER)).clamp(max=1.0)\n",
        test=f"{_HOSTILE}[1000000.0-mlp]",
    ),
    Mutant(
        name="an example's norm is that of one parameter",
        rule=6,
        file="client/training/dp_sgd.py",
        old="norms = torch.linalg.vector_norm(\n            torch.stack([",
        new="norms = torch.amax(\n            torch.stack([",
        test=f"{_CLIPPED}::test_sum_equals_the_sum_taken_one_by_one[0.05-cnn]",
    ),
    Mutant(
        name="a request seeds a deployed site's noise",
        rule=10,
        file="client/rounds.py",
        old=_STREAM,
        new="from simulations.seeded_randomness import SeededRandomness\n"
        "        stream = SeededRandomness(run_seed=plan.seed, site_name='').stream(\n"
        "            plan.run_id, self.request.round_number\n"
        "        )",
        test=f"{_PRIVACY}::test_request_cannot_seed_a_deployed_site",
    ),
    Mutant(
        name="the operating system's key follows from the request",
        rule=10,
        file="client/training/random_stream.py",
        old="return RandomStream(os.urandom(KEY_BYTES))",
        new="import hashlib\n"
        "        text = f'{run_id} {round_number}'\n"
        "        return RandomStream(hashlib.sha256(text.encode()).digest())",
        test=f"{_PRIVACY}::test_request_cannot_seed_a_deployed_site",
    ),
    Mutant(
        name="every round has the same noise",
        rule=10,
        file="simulations/seeded_randomness.py",
        old="            round_number=round_number,\n",
        new="            round_number=1,\n",
        test=f"{_PRIVACY}::test_noise_of_two_rounds_is_uncorrelated",
    ),
    Mutant(
        name="every step has the same noise",
        rule=10,
        file="client/training/dp_sgd.py",
        old="torch.from_numpy(self._stream.normal(sum(sizes)))",
        new="torch.from_numpy(RandomStream(bytes(KEY_BYTES)).normal(sum(sizes)))",
        test=f"{_DP_SGD}::test_noise_of_two_steps_is_uncorrelated",
    ),
    Mutant(
        name="noise comes from torch's generator",
        rule=10,
        file="client/training/dp_sgd.py",
        old="torch.from_numpy(self._stream.normal(sum(sizes)))",
        new="torch.randn(sum(sizes))",
        test=f"{_DP_SGD}::test_no_global_generator_is_touched",
    ),
)
