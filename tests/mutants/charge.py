"""Rule 1, second half: spend, then read; one charge, one release."""

from tests.mutants.mutant import Mutant

_PRIVACY = "tests/client/test_site_privacy.py"
_RETRY = "tests/client/test_site_retry.py"
_ROUNDS = "tests/client/test_site_rounds.py"

MUTANTS = (
    Mutant(
        name="the charge comes after the training",
        rule=1,
        file="client/rounds.py",
        old="            self._reserve()\n            self._revisit(student)\n",
        new="            self._revisit(student)\n            self._reserve()\n",
        test=f"{_PRIVACY}::test_reservation_precedes_the_first_private_row",
    ),
    Mutant(
        name="an exhausted site trains on",
        rule=1,
        file="client/rounds.py",
        old="            self._reserve()\n            self._revisit(student)\n",
        new="            self._reserve()\n"
        "        if not self.request.is_finish:\n"
        "            self._revisit(student)\n",
        test=f"{_PRIVACY}::test_exhausted_budget_reads_no_private_row_and_still_labels",
    ),
    Mutant(
        name="the outbox is bypassed",
        rule=1,
        file="client/rounds.py",
        old="    if stored is not None:\n",
        new="    if stored is not None and request.is_finish:\n",
        test=f"{_ROUNDS}::test_same_request_gets_the_same_bytes_and_no_new_work",
    ),
    Mutant(
        name="the outbox ignores what was asked",
        rule=1,
        file="client/storage/outbox.py",
        old="if answered_sha256 != request_sha256:",
        new="if answered_sha256 == run_id:",
        test=f"{_ROUNDS}::test_changed_request_is_refused[round_request]",
    ),
    Mutant(
        name="weights are durable before the settlement",
        rule=1,
        file="client/rounds.py",
        old="            parts.outbox.put(\n",
        new="            parts.store.connection.execute('COMMIT')\n"
        "            parts.store.connection.execute('BEGIN IMMEDIATE')\n"
        "            parts.outbox.put(\n",
        test=f"{_RETRY}::test_weights_are_not_visible_before_the_settlement",
    ),
    Mutant(
        name="a settlement leaves the weights behind",
        rule=1,
        file="client/rounds.py",
        old="                weights=weights,\n            )\n            parts.outbox",
        new="                weights=self.row.weights,\n"
        "            )\n            parts.outbox",
        test=f"{_RETRY}::test_settlement_names_the_stored_weights_and_reply",
    ),
    Mutant(
        name="a settlement is for another reply",
        rule=1,
        file="client/rounds.py",
        old="reply_sha256=hashlib.sha256(reply).hexdigest()",
        new="reply_sha256=hashlib.sha256(weights).hexdigest()",
        test=f"{_RETRY}::test_settlement_names_the_stored_weights_and_reply",
    ),
)
