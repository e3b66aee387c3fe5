"""Rounds that somebody else writes are told once each, in order."""

import json

import pytest

from server.deployment.finished_rounds import FinishedRounds


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def _line(number):
    return f"{json.dumps({'round': number})}\n"


def _numbers(rounds):
    return [json.loads(line)["round"] for line in rounds.new_lines()]


def test_each_round_is_told_once(path):
    """A file that is not there yet has none."""
    rounds = FinishedRounds(path)
    assert _numbers(rounds) == []

    path.write_text(_line(1) + _line(2))
    assert _numbers(rounds) == [1, 2]
    assert _numbers(rounds) == []
    assert rounds.last == 2


def test_half_a_line_is_not_told_yet(path):
    """It is told when it is whole."""
    rounds = FinishedRounds(path)
    path.write_text(_line(1) + _line(2)[:5])
    assert _numbers(rounds) == [1]

    path.write_text(_line(1) + _line(2))
    assert _numbers(rounds) == [2]


def test_file_that_is_written_anew_tells_nothing_twice(path):
    """A resumed run writes it from its checkpoint."""
    rounds = FinishedRounds(path)
    path.write_text(_line(1) + _line(2) + _line(3))
    assert _numbers(rounds) == [1, 2, 3]

    path.write_text(_line(1) + _line(2))
    assert _numbers(rounds) == []
    path.write_text(_line(1) + _line(2) + _line(3) + _line(4))
    assert _numbers(rounds) == [4]


def test_rounds_from_before_are_not_told(path):
    """Whoever attaches sees what is new."""
    path.write_text(_line(1) + _line(2))

    rounds = FinishedRounds(path)

    assert rounds.last == 2
    assert _numbers(rounds) == []


@pytest.mark.parametrize("line", ["no json", "[]", '{"round": "x"}', "3"])
def test_lines_of_another_kind_are_passed_over(path, line):
    """A broken file shows nothing, and breaks nobody."""
    rounds = FinishedRounds(path)
    path.write_text(f"{line}\n{_line(1)}")

    assert _numbers(rounds) == [1]
