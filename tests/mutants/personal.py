"""Rules 5 and 9 where a site keeps a personal student, which carries no guarantee."""

from tests.mutants.mutant import Mutant

_TESTS = "tests/client/training/test_personal_student.py"
_SAME = f"{_TESTS}::test_replies_and_ledger_are_the_same_with_and_without_it"

MUTANTS = (
    Mutant(
        name="a personal student takes the released student's place",
        rule=9,
        file="client/site.py",
        old="            return train_personal_student("
        "self._parts, row.plan, row.weights, recipe)\n",
        new="            personal = train_personal_student(\n"
        "                self._parts, row.plan, row.weights, recipe\n"
        "            )\n"
        "            student = new_student(self._parts, row.plan)\n"
        "            student.load(row.weights)\n"
        "            student._model.load_state_dict("
        "personal.module.own.state_dict())\n"
        "            with self._parts.store.transaction():\n"
        "                self._parts.store.advance(\n"
        "                    self.policy.dataset_id,\n"
        "                    row,\n"
        "                    last_round=row.last_round,\n"
        "                    weights=student.to_bytes(),\n"
        "                )\n"
        "            return personal\n",
        test=f"{_SAME}[models]",
    ),
    Mutant(
        name="a personal head is the one that labels",
        rule=9,
        file="client/site.py",
        old="            return train_personal_student("
        "self._parts, row.plan, row.weights, recipe)\n",
        new="            personal = train_personal_student(\n"
        "                self._parts, row.plan, row.weights, recipe\n"
        "            )\n"
        "            student = new_student(self._parts, row.plan)\n"
        "            student._head[1].weight.data = (\n"
        "                personal.module.released[1].weight.data\n"
        "            )\n"
        "            with self._parts.store.transaction():\n"
        "                self._parts.store.advance(\n"
        "                    self.policy.dataset_id,\n"
        "                    row,\n"
        "                    last_round=row.last_round,\n"
        "                    weights=student.to_bytes(),\n"
        "                )\n"
        "            return personal\n",
        test=f"{_SAME}[heads]",
    ),
    Mutant(
        name="a personal student is exported without the owner's word",
        rule=5,
        file="client/training/personal_student.py",
        old="        if not self.may_leave:\n",
        new="        if False:\n",
        test=f"{_TESTS}::test_it_is_not_exported_without_the_owners_word",
    ),
)
