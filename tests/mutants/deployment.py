"""Rules 9 and 11 to 13: Flower's doors, honest figures, safe models and bytes."""

from tests.mutants.mutant import Mutant

_HOUSE = "tests/test_house.py::test_no_source_reads_pickle_or_runs_data"
_MIXED = (
    "tests/client/training/test_independence.py"
    "::test_model_that_mixes_examples_is_refused"
)
_EPSILON = (
    "tests/simulations/test_epsilon.py::test_epsilon_is_that_of_the_sites_ledgers"
)

_GUARD = "tests/server/deployment/test_path_guard.py"

MUTANTS = (
    Mutant(
        name="every stranger is taken for the coordinator's machine",
        rule=9,
        file="server/deployment/path_guard.py",
        old="    return client[0] in _LOCAL if client else False\n",
        new="    return True\n",
        test=f"{_GUARD}::test_whoever_is_not_exactly_this_machine_is_a_stranger[client2]",
    ),
    Mutant(
        name="the guard believes a path as it was decoded",
        rule=9,
        file="server/deployment/path_guard.py",
        old="    return is_public_path(decoded) and written == decoded\n",
        new="    return is_public_path(decoded)\n",
        test=f"{_GUARD}::test_a_path_that_was_written_otherwise_is_not_found",
    ),
    Mutant(
        name="a node's processes inherit the whole environment",
        rule=9,
        file="common/deployment/flower_process.py",
        old="    passed_on = {name: own[name] for name in _PASSED_ON if name in own}\n",
        new="    passed_on = dict(own)\n",
        test="tests/client/node/test_supernode.py"
        "::test_environment_is_a_list_of_what_is_allowed",
    ),
    Mutant(
        name="a site is sent the authority's private key",
        rule=9,
        file="server/deployment/written_files.py",
        old="    place(sent.authority, authority)\n",
        new="    place(sent.authority, folder.authority_key.read_bytes())\n",
        test="tests/server/deployment/test_init.py::test_no_secret_is_in_what_is_sent",
    ),
    Mutant(
        name="a deployed run shows an epsilon of nobody",
        rule=11,
        file="simulations/deployed_summary.py",
        old="forecast([promise], plan).epsilon",
        new="forecast([], plan).epsilon",
        test="tests/simulations/test_deployed_summary.py"
        "::test_epsilon_is_the_most_that_the_sites_can_have_spent",
    ),
    Mutant(
        name="a site is counted only once it has answered",
        rule=11,
        file="server/round_driver.py",
        old="        self._save(replace(state, promises=promises))\n",
        new="",
        test="tests/server/test_round_driver.py"
        "::test_a_site_that_was_asked_counts_though_the_server_died",
    ),
    Mutant(
        name="the summary shows another epsilon than the ledger",
        rule=11,
        file="simulations/federation.py",
        old="delta = self.config.privacy.delta\n",
        new="delta = 10 * self.config.privacy.delta\n",
        test=_EPSILON,
    ),
    Mutant(
        name="the summary shows the epsilon that was asked for",
        rule=11,
        file="simulations/summarise.py",
        old="max_epsilon=max(spent),",
        new="max_epsilon=privacy.epsilon,",
        test=_EPSILON,
    ),
    Mutant(
        name="the metrics show one round's epsilon",
        rule=11,
        file="server/privacy_forecast.py",
        old="steps=private_rounds * plan.steps_per_round,",
        new="steps=plan.steps_per_round,",
        test="tests/server/test_privacy_forecast.py"
        "::test_all_promised_rounds_cost_what_was_promised",
    ),
    Mutant(
        name="a simulated site is not charged",
        rule=11,
        file="client/rounds.py",
        old="        event = self.committed.event\n",
        new="        if type(self.parts.randomness).__name__ == 'SeededRandomness':\n"
        "            return\n"
        "        event = self.committed.event\n",
        test="tests/client/test_site_privacy.py"
        "::test_simulated_and_deployed_site_charge_the_same",
    ),
    Mutant(
        name="the independence test is skipped",
        rule=12,
        file="client/training/independence.py",
        old="problems += _mixed_examples(probe, inputs)",
        new="problems += []",
        test=f"{_MIXED}[mean]",
    ),
    Mutant(
        name="independence is tried in evaluation mode only",
        rule=12,
        file="client/training/independence.py",
        old="for is_training in (True, False):",
        new="for is_training in (False,):",
        test=f"{_MIXED}[statistics]",
    ),
    Mutant(
        name="independence is tried at one end of the batch",
        rule=12,
        file="client/training/independence.py",
        old="for row in (0, _ROWS - 1):",
        new="for row in (0,):",
        test=f"{_MIXED}[sum backwards]",
    ),
    Mutant(
        name="reading a config imports the models that it names",
        rule=12,
        file="common/config/lists.py",
        old='    name = f"{module}:{factory}"\n',
        new='    name = f"{module}:{factory}"\n    __import__(module)\n',
        test="tests/common/config/test_lists.py"
        "::test_a_config_imports_nothing_that_it_names",
    ),
    Mutant(
        name="a site imports the model that a name says",
        rule=12,
        file="client/parts.py",
        old="        if isinstance(model, str):\n",
        new="        if ':' in str(model):\n"
        "            module, _, builder = model.partition(':')\n"
        "            found = getattr(__import__(module, fromlist=[builder]), builder)\n"
        "            return found(self.input_shape, num_classes)\n"
        "        if isinstance(model, str):\n",
        test="tests/client/test_own_models.py::test_a_site_imports_nothing_for_a_name",
    ),
    Mutant(
        name="the server can import the model that a config names",
        rule=12,
        file="server/global_student.py",
        old="from common.models.zoo import build_model\n",
        new="from common.models.zoo import build_model\n"
        "from common.own_code import import_callable  # for config.site_models\n",
        test="tests/client/test_own_models.py"
        "::test_nothing_at_a_site_or_server_leads_from_a_configs_models_to_code",
    ),
    Mutant(
        name="a model's name may lead to code",
        rule=12,
        file="common/models/zoo.py",
        old="    if name not in ZOO:\n",
        new="    if ':' in name:\n"
        "        module, _, builder = name.partition(':')\n"
        "        found = getattr(__import__(module, fromlist=[builder]), builder)\n"
        "        return found(input_shape, num_classes)\n"
        "    if name not in ZOO:\n",
        test="tests/common/models/test_zoo.py::test_code_cannot_be_named_for_a_model",
    ),
    Mutant(
        name="weights are unpickled",
        rule=13,
        file="common/weights.py",
        old="        state = load(content)\n",
        new="        import io\n"
        "        state = torch.load(io.BytesIO(content), weights_only=False)\n",
        test="tests/common/test_weights.py::test_pickled_weights_are_refused",
    ),
    Mutant(
        name="arrays of a message are unpickled",
        rule=13,
        file="common/records.py",
        old="    if array.stype != RAW or array.dtype not in DTYPES:\n",
        new="    if array.stype == 'numpy.ndarray':\n"
        "        return np.load(__import__('io').BytesIO(array.data), None, True)\n"
        "    if array.stype != RAW or array.dtype not in DTYPES:\n",
        test="tests/common/test_records.py::test_a_pickled_array_is_refused",
    ),
    Mutant(
        name="weights are pickled",
        rule=13,
        file="common/weights.py",
        old="    return save(state)\n",
        new="    import io\n"
        "    file = io.BytesIO()\n"
        "    torch.save(state, file)\n"
        "    return file.getvalue()\n",
        test=_HOUSE,
    ),
    Mutant(
        name="a source file uses pickle",
        rule=13,
        file="common/data/idx.py",
        old="import math\n",
        new="import math\nimport pickle\n",
        test=_HOUSE,
    ),
)
