"""Rule 1, on disk: nothing that was charged is edited, lost, exchanged or forgotten."""

from tests.mutants.mutant import Mutant

_CHAIN = "tests/common/privacy/test_ledger_chain.py"
_ROLLBACK = "tests/common/privacy/test_ledger_rollback.py"
_TABLE = "tests/common/privacy/test_ledger_table.py"
_STORE = "tests/client/storage/test_store_errors.py"
_LOCK = "tests/client/storage/test_store_lock.py"
_HEAD = "tests/client/storage/test_ledger_head.py"
_REPORT = "tests/client/owner/test_ledger_report.py"
_STATEMENT = "tests/client/owner/test_statement.py"

MUTANTS = (
    Mutant(
        name="ledger entries may be changed",
        rule=1,
        file="common/privacy/ledger_schema.py",
        old='    ("TRIGGER", _KEEP),\n',
        new="",
        test=f"{_TABLE}::test_the_table_takes_the_next_entry_and_nothing_else"
        "[UPDATE ledger_entries SET sha256 = 'f' WHERE entry_number = 3]",
    ),
    Mutant(
        name="ledger entries may be deleted",
        rule=1,
        file="common/privacy/ledger_schema.py",
        old='    ("TRIGGER", _STAY),\n',
        new="",
        test=f"{_TABLE}::test_the_table_takes_the_next_entry_and_nothing_else"
        "[DELETE FROM ledger_entries WHERE entry_number = 3]",
    ),
    Mutant(
        name="a ledger entry may be replaced",
        rule=1,
        file="common/privacy/ledger_schema.py",
        old='    ("TRIGGER", _APPEND),\n',
        new="",
        test=f"{_TABLE}::test_no_form_of_insert_gets_round_the_numbers"
        "[3-INSERT OR REPLACE]",
    ),
    Mutant(
        name="the ledger of an older version is ignored",
        rule=1,
        file="common/privacy/ledger_schema.py",
        old="    if older:\n",
        new="    if older and not found:\n",
        test=f"{_TABLE}::test_a_ledger_of_an_older_version_is_refused",
    ),
    Mutant(
        name="the chain is not verified",
        rule=1,
        file="common/privacy/ledger_entries.py",
        old="        if entry.sha256 != expected:\n",
        new="        if not entry.sha256:\n",
        test=f"{_CHAIN}::test_entries_of_another_dataset_id_do_not_fit_in",
    ),
    Mutant(
        name="a round may be reserved twice in a ledger",
        rule=1,
        file="common/privacy/ledger_fold.py",
        old="        if key in self.reservations:\n",
        new="        if key is None:\n",
        test=f"{_CHAIN}::test_a_forged_ledger_that_contradicts_itself_is_refused"
        "[<lambda>-is reserved twice]",
    ),
    Mutant(
        name="a ledger that shrank is read anew",
        rule=1,
        file="common/privacy/ledger_tables.py",
        old="        if found == [last]:\n            return\n",
        new="        if found is not None:\n            return\n",
        test=f"{_ROLLBACK}"
        "::test_fewer_entries_than_this_process_has_seen_are_a_rollback",
    ),
    Mutant(
        name="fewer entries than the server saw are accepted",
        rule=1,
        file="common/privacy/ledger.py",
        old="        if here < count:\n",
        new="        if count < here:\n",
        test=f"{_ROLLBACK}::test_entries_are_required_by_number",
    ),
    Mutant(
        name="what a transaction appended is not remembered",
        rule=1,
        file="common/privacy/ledger_tables.py",
        old="        if self._has_appended:\n",
        new="        if self.in_transaction:\n",
        test=f"{_STORE}"
        "::test_a_file_that_is_overwritten_under_a_running_process_is_refused",
    ),
    Mutant(
        name="a failed commit is swallowed",
        rule=1,
        file="common/privacy/ledger_transaction.py",
        old="    except BaseException:\n        _undo(connection)\n        raise\n",
        new="    except BaseException:\n        _undo(connection)\n",
        test=f"{_STORE}::test_a_commit_that_fails_is_no_commit",
    ),
    Mutant(
        name="a failed transaction is left half done",
        rule=1,
        file="common/privacy/ledger_transaction.py",
        old='            connection.execute("ROLLBACK")\n',
        new='            connection.execute("COMMIT")\n',
        test=f"{_STORE}"
        "::test_a_disk_that_is_full_at_any_statement_leaves_nothing_half_done",
    ),
    Mutant(
        name="an exchanged ledger is written on",
        rule=1,
        file="client/storage/store_connection.py",
        old="        self._require_same_file()\n",
        new="",
        test=f"{_STORE}"
        "::test_a_file_that_is_exchanged_under_a_running_process_is_refused",
    ),
    Mutant(
        name="a ledger that was cut off to nothing is a new one",
        rule=1,
        file="client/storage/store_file.py",
        old="        if path.stat().st_size == 0:\n",
        new="        if path.stat().st_size < 0:\n",
        test=f"{_STORE}::test_an_empty_file_is_no_new_ledger",
    ),
    Mutant(
        name="the ledger's lock is not taken",
        rule=1,
        file="client/storage/store_lock.py",
        old="        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        new="        fcntl.flock(descriptor, fcntl.LOCK_UN)\n",
        test=f"{_LOCK}::test_a_second_custodian_does_not_start",
    ),
    Mutant(
        name="a link to the ledger has a lock of its own",
        rule=1,
        file="client/storage/store_lock.py",
        old="    real = path.resolve()\n",
        new="    real = path.absolute()\n",
        test=f"{_LOCK}::test_another_name_of_the_ledger_is_the_same_lock",
    ),
    Mutant(
        name="the second head is not checked",
        rule=1,
        file="client/storage/ledger_head.py",
        old="        if self._recorded(ledger) is None:\n",
        new="        if ledger.entry_count() == 0:\n",
        test=f"{_HEAD}::test_an_older_copy_is_refused_after_a_restart",
    ),
    Mutant(
        name="the second head's hash is not checked",
        rule=1,
        file="client/storage/ledger_head.py",
        old="        if here != recorded:\n",
        new="        if here.entries != recorded.entries:\n",
        test=f"{_HEAD}::test_an_older_copy_that_went_another_way_is_refused",
    ),
    Mutant(
        name="a ledger that the second head does not know is a new one",
        rule=1,
        file="client/storage/ledger_head.py",
        old="            if ledger.entry_count() > 0:\n",
        new="            if ledger.entry_count() < 0:\n",
        test=f"{_HEAD}"
        "::test_a_ledger_with_entries_that_the_head_does_not_know_is_refused",
    ),
    Mutant(
        name="a forged noise is reported as it stands",
        rule=1,
        file="client/owner/ledger_report.py",
        old="        recomputed=spent(whole, delta=delta).epsilon,\n",
        new="        recomputed=commitment.epsilon,\n",
        test=f"{_REPORT}::test_a_forged_noise_is_found_by_its_epsilon",
    ),
    Mutant(
        name="a statement's signature is not checked",
        rule=1,
        file="client/owner/statement.py",
        old="        verifier.verify(signature, _signed_bytes(said))\n",
        new="",
        test=f"{_STATEMENT}::test_a_statement_that_was_edited_proves_nothing"
        "[where0-site-01]",
    ),
    Mutant(
        name="a power cut may undo a commit",
        rule=1,
        file="client/storage/store_file.py",
        old="journal_mode = TRUNCATE",
        new="journal_mode = DELETE",
        test="tests/client/storage/test_store_file.py"
        "::test_a_commit_of_a_custodian_survives_a_power_cut",
    ),
    Mutant(
        name="a statement tells the fingerprint",
        rule=5,
        file="client/owner/statement.py",
        old='        "software": _software(),\n',
        new='        "software": _software(),\n        "fingerprint": "",\n',
        test=f"{_STATEMENT}::test_a_statement_holds_public_facts_and_nothing_else",
    ),
)
