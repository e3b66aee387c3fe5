"""Rules 1 and 9 at a custodian: what is labelled, how often, and on which ledger."""

from tests.mutants.mutant import Mutant

_LIMITS = "tests/client/test_site_limits.py"
_SHELF = "tests/client/storage/test_transfer_shelf.py"
_SITE = "tests/client/test_site_transfer.py"

MUTANTS = (
    Mutant(
        name="a delivered transfer set is not checked",
        rule=9,
        file="client/storage/transfer_spool.py",
        old="        if found is None or found.content_id != content_id:\n"
        "            spool.unlink()\n",
        new="        if found is None:\n            spool.unlink()\n",
        test=f"{_SHELF}::test_other_content_than_the_id_says_never_gets_there",
    ),
    Mutant(
        name="a transfer set that the policy does not name is labelled",
        rule=9,
        file="client/policy.py",
        old="self.transfer_set_ids is None or content_id in self.transfer_set_ids",
        new="self.transfer_set_ids is None or bool(content_id)",
        test=f"{_SITE}::test_set_that_the_policy_does_not_name_is_refused",
    ),
    Mutant(
        name="a delivery reads private rows",
        rule=9,
        file="client/transfer.py",
        old="    progress = parts.transfer_sets",
        new="    parts.data.rows(parts.data.is_usable().nonzero()[0])\n"
        "    progress = parts.transfer_sets",
        test=f"{_SITE}::test_nothing_is_committed_before_the_set_is_there",
    ),
    Mutant(
        name="the limit of queries is one run's",
        rule=9,
        file="client/rounds.py",
        old="                self.plan.transfer_set_id,\n"
        "                self.request.indices,\n",
        new="                self.plan.run_id,\n"
        "                self.request.indices,\n",
        test=f"{_LIMITS}::test_examples_are_labelled_so_often_over_all_runs",
    ),
    Mutant(
        name="a query beyond the limit is charged first",
        rule=9,
        file="client/rounds.py",
        old="        _check_queries(parts, row.plan, request)\n"
        "    return _Round(parts, task, row, committed, name).work()\n",
        new="    reply = _Round(parts, task, row, committed, name).work()\n"
        "    if not request.is_finish and parts.policy.most_queries is not None:\n"
        "        counts = parts.query_count.counts(\n"
        "            row.plan.transfer_set_id, num_rows=row.plan.transfer_size\n"
        "        )\n"
        "        if (counts[request.indices] > parts.policy.most_queries).any():\n"
        "            raise RequestRefusedError(RefusalReason.QUERY_LIMIT)\n"
        "    return reply\n",
        test=f"{_LIMITS}::test_examples_are_labelled_so_often_over_all_runs",
    ),
    Mutant(
        name="a ledger that was set back is believed",
        rule=1,
        file="client/rounds.py",
        old="    parts.ledger.require_entries(request.ledger_entries)\n",
        new="",
        test=f"{_LIMITS}::test_ledger_that_was_set_back_is_refused",
    ),
)
