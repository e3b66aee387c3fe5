"""metrics.jsonl, read."""

import json
import math

import pytest

from common.errors import DataError
from simulations.rounds import (
    AbsentSite,
    RejectedReply,
    read_rounds,
    round_figures,
)
from tests.simulations.run_folders import make_lines, make_run_folder


def test_reads_every_round_in_order(tmp_path):
    """A line a round, as the server wrote them."""
    folder = make_run_folder(tmp_path, faults=True, exhausted_at=9)

    rounds = read_rounds(folder.metrics)

    assert [one.round for one in rounds] == list(range(1, 11))
    assert rounds[2].rejections[0] == RejectedReply(
        site="site-03", reason="rows off the simplex"
    )
    assert (rounds[2].accepted, rounds[2].rejected, rounds[2].silent) == (7, 2, 1)
    assert [one.exhausted for one in rounds[7:]] == [0, 10, 10]


def test_null_means_infinite():
    """A round without privacy has an infinite epsilon."""
    figures = round_figures(make_lines(is_private=False)[0])

    assert math.isinf(figures.privacy.epsilon)


def test_lines_of_before_have_no_absences():
    """Nobody was named then; that is no fault."""
    assert round_figures(make_lines()[0]).absences == ()


def test_reads_who_was_missed():
    """And that accuracy may be missing."""
    line = json.loads(make_lines()[0]) | {
        "global_student": {"test_accuracy": None, "validation_accuracy": None},
        "absences": [{"site": "north", "reason": "busy"}],
    }

    figures = round_figures(json.dumps(line))

    assert figures.absences == (AbsentSite(site="north", reason="busy"),)
    with pytest.raises(DataError, match="has measured no accuracy"):
        _ = figures.global_student.measured


def test_names_the_line_that_is_broken(tmp_path):
    """Half a line is refused in a message that says which."""
    folder = make_run_folder(tmp_path)
    lines = folder.metrics.read_text().splitlines()
    folder.metrics.write_text(f"{lines[0]}\n{lines[1][:30]}\n")

    with pytest.raises(DataError, match=r"metrics\.jsonl, line 2: the whole line: "):
        read_rounds(folder.metrics)


def test_a_missing_file_is_the_users_mistake(tmp_path):
    """No metrics: it is not a run folder, and the message says so."""
    with pytest.raises(DataError, match=r"No such file or directory\. It is not a run"):
        read_rounds(tmp_path / "metrics.jsonl")
