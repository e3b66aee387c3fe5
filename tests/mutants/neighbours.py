"""Rules 3 and 9 as a relay sees them: what one private row may not change."""

from tests.mutants.mutant import Mutant

_DATA = "tests/test_neighbouring_data.py::test_one_row_shows_in_nothing"
_FILES = (
    "tests/test_neighbouring_files.py::test_a_faulty_row_of_a_file_shows_in_nothing"
)

MUTANTS = (
    Mutant(
        name="the affordable rounds follow the true number of examples",
        rule=3,
        file="client/rounds.py",
        old="        affordable = self.committed.commitment.rounds\n",
        new="        affordable = len(self.parts.data) // 20\n",
        test=f"{_DATA}[dp-sgd-one row less-ordinary]",
    ),
    Mutant(
        name="the size of a reply follows the true number of examples",
        rule=3,
        file="client/rounds.py",
        old="student.label(self.request.indices)",
        new="student.label(self.request.indices[len(self.parts.data) % 2 :])",
        test=f"{_DATA}[dp-head-one row more-ordinary]",
    ),
    Mutant(
        name="a faulty row keeps a plan open",
        rule=9,
        file="client/rounds.py",
        old="            if self.request.is_finish:\n",
        new="            if self.request.is_finish and not parts.data.problems:\n",
        test=f"{_DATA}[dp-head-one negative label-ordinary]",
    ),
    Mutant(
        name="a row of NaN stops the site",
        rule=9,
        file="client/private_data.py",
        old="        problems += _describe(\n",
        new="        if problems:\n"
        "            raise DataError(problems[0])\n"
        "        problems += _describe(\n",
        test=f"{_FILES}[npz with NaN]",
    ),
    Mutant(
        name="a cell that is no number stops the site",
        rule=9,
        file="client/owner/lenient_table.py",
        old="            is_bad[row] = True\n",
        new="            from common.errors import DataError\n"
        "            raise DataError(f'row {row} of {name}')\n",
        test=f"{_FILES}[csv with a text for a number]",
    ),
)
