"""Rules 4, 5, 9, 10 and 12 on the owner's side: policy, data, export, serve."""

from tests.mutants.mutant import Mutant

_POLICY = "tests/client/owner/test_policy_file.py"
_DATA = "tests/client/owner/test_private_file.py"
_SITE = "tests/client/owner/test_open_site.py"
_SERVE = "tests/client/owner/test_serving.py"
_CLI = "tests/client/test_cli.py"

MUTANTS = (
    Mutant(
        name="two custodians open one ledger",
        rule=1,
        file="client/owner/open_site.py",
        old="    with store_lock(policy_file.ledger_path):\n",
        new="    if store_lock:\n",
        test=f"{_SITE}::test_a_second_custodian_does_not_start",
    ),
    Mutant(
        name="the second head is not looked at when a site starts",
        rule=1,
        file="client/owner/open_site.py",
        old="            if head_file is not None:\n",
        new="            if head_file is None:\n",
        test=f"{_CLI}::test_a_ledger_that_was_set_back_does_not_start",
    ),
    Mutant(
        name="a table is scaled by its own rows",
        rule=4,
        file="client/owner/lenient_table.py",
        old="    inputs[is_bad] = np.nan\n",
        new="    inputs[:, 0] /= np.nanmax(inputs[:, 0])\n",
        test=f"{_DATA}::test_no_statistic_of_a_row_changes_another",
    ),
    Mutant(
        name="classes are counted from labels",
        rule=4,
        file="client/owner/private_file.py",
        old="labels=arrays.labels, num_classes=classes",
        new="labels=arrays.labels, num_classes=int(arrays.labels.max()) + 1",
        test=f"{_DATA}::test_classes_are_never_counted_from_labels",
    ),
    Mutant(
        name="the personal student does not say what it is",
        rule=5,
        file="client/owner/export.py",
        old='        "privacy": NO_GUARANTEE,\n',
        new="",
        test=f"{_CLI}::test_the_personal_student_is_the_owners_alone_and_says_so",
    ),
    Mutant(
        name="others can read the personal student",
        rule=5,
        file="client/owner/export.py",
        old="_OWNER_ONLY = 0o600",
        new="_OWNER_ONLY = 0o644",
        test=f"{_CLI}::test_the_personal_student_is_the_owners_alone_and_says_so",
    ),
    Mutant(
        name="a student without a guarantee is exported",
        rule=5,
        file="client/owner/export.py",
        old="not plan.mechanism.is_private and not policy_file.allow_non_private",
        new="not plan.run_id",
        test=f"{_CLI}::test_export_without_a_guarantee_needs_the_policys_word",
    ),
    Mutant(
        name="a faulty row of a table is used",
        rule=9,
        file="client/owner/lenient_table.py",
        old="    inputs[is_bad] = np.nan\n",
        new="",
        test=f"{_DATA}"
        "::test_a_faulty_row_of_a_table_costs_nothing_but_itself[old,90,north,ill]",
    ),
    Mutant(
        name="a faulty row of a table stops the site",
        rule=9,
        file="client/owner/lenient_table.py",
        old="            is_bad[row] = True\n",
        new="            raise table.fault(row, name, texts[row], 'no number')\n",
        test=f"{_DATA}"
        "::test_a_faulty_row_of_a_table_costs_nothing_but_itself[old,90,north,ill]",
    ),
    Mutant(
        name="a label that is no class is the first class",
        rule=9,
        file="client/owner/lenient_table.py",
        old="NO_CLASS = -1",
        new="NO_CLASS = 0",
        test=f"{_DATA}"
        "::test_a_faulty_row_of_a_table_costs_nothing_but_itself[50,90,north,dead]",
    ),
    Mutant(
        name="a policy may hold a seed",
        rule=10,
        file="client/owner/policy_file.py",
        old='    folder: str = "state"\n',
        new='    folder: str = "state"\n    seed: int = 0\n',
        test=f"{_POLICY}::test_no_key_of_a_policy_can_seed_randomness",
    ),
    Mutant(
        name="the environment seeds a custodian",
        rule=10,
        file="client/owner/serving.py",
        old="        open_site(policy_file) as site,\n",
        new="        open_site(\n"
        "            policy_file, randomness=_seeded(os.environ['SEED'])\n"
        "        ) as site,\n",
        test=f"{_SERVE}::test_serve_opens_the_site_without_randomness",
    ),
    Mutant(
        name="the environment seeds a site",
        rule=10,
        file="client/owner/open_site.py",
        old="    _limit_threads()\n    make",
        new="    if os.environ.get('FEDSTILL_SEED'):\n"
        "        from client.training.random_stream import RandomStream\n"
        "        class Seeded:\n"
        "            def stream(self, run_id, round_number):\n"
        "                key = os.environ['FEDSTILL_SEED'].encode()\n"
        "                return RandomStream(key.ljust(32, b'0'))\n"
        "        randomness = Seeded()\n"
        "    _limit_threads()\n    make",
        test=f"{_SITE}::test_no_environment_can_seed_a_site",
    ),
    Mutant(
        name="a command takes a seed",
        rule=10,
        file="client/cli.py",
        old="def serve(policy: PolicyOption = POLICY) -> None:\n",
        new="def serve(policy: PolicyOption = POLICY, seed: int = 0) -> None:\n",
        test=f"{_CLI}::test_no_option_of_any_command_seeds_anything",
    ),
    Mutant(
        name="others may change the policy",
        rule=12,
        file="client/owner/policy_reading.py",
        old="    if file.st_mode & _OTHERS_WRITE:\n",
        new="    if file.st_mode & stat.S_ISVTX:\n",
        test=f"{_POLICY}::test_a_policy_that_others_can_write_is_refused[436]",
    ),
    Mutant(
        name="others may put another policy in its place",
        rule=12,
        file="client/owner/policy_reading.py",
        old="        folder.st_mode & _OTHERS_WRITE and not is_sticky\n",
        new="        folder.st_mode & _OTHERS_WRITE and is_sticky\n",
        test=f"{_POLICY}::test_a_policy_in_a_folder_of_everybody_is_refused[504]",
    ),
    Mutant(
        name="a policy of another user is believed",
        rule=12,
        file="client/owner/policy_reading.py",
        old="    if file.st_uid not in trusted:\n",
        new="    if file.st_uid < 0:\n",
        test=f"{_POLICY}::test_it_belongs_to_the_custodian_or_to_root[1001-0-True]",
    ),
    Mutant(
        name="code that others can write is run",
        rule=12,
        file="client/owner/own_code.py",
        old="        if fault:\n",
        new="        if not fault:\n            continue\n        if not harm:\n",
        test=f"{_SITE}::test_code_that_others_can_write_is_not_run",
    ),
    Mutant(
        name="a config's code is written into a policy",
        rule=12,
        file="client/owner/policy_init.py",
        old="if name in MODEL_NAMES]",
        new="if name]",
        test="tests/client/owner/test_policy_init.py"
        "::test_code_that_a_config_names_is_never_written_into_a_policy",
    ),
    Mutant(
        name="a request can reach the importer of code",
        rule=12,
        file="client/hello.py",
        old="from client.parts import SiteParts\n",
        new="from client.owner.own_code import policy_model  # for plan.model\n"
        "from client.parts import SiteParts\n",
        test="tests/client/test_own_models.py::test_no_request_reaches_the_importer",
    ),
    Mutant(
        name="a model that mixes examples passes the check",
        rule=12,
        file="client/owner/check_model.py",
        old="    problems = model_problems(",
        new="    problems = (lambda *_, **__: ())(",
        test="tests/client/owner/test_check.py"
        "::test_a_model_that_cannot_be_used[with_batch_norm-BatchNorm]",
    ),
)
