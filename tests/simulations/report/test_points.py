"""What the report plots stands in the run folder."""

import json
import math
from dataclasses import fields

import pytest

from simulations.report.points import Role, points
from simulations.rounds import round_figures
from tests.simulations.run_folders import make_lines, make_summary

CASES = [
    {"is_private": True},
    {"is_private": False},
    {"is_private": True, "exhausted_at": 4},
]


def _points(*, has_baselines=True, **options):
    metrics = [round_figures(line) for line in make_lines(**options)]
    return points(metrics, make_summary(has_baselines=has_baselines, **options))


def _numbers(value):
    """Every number in a JSON value; null, where an epsilon is meant, is infinity."""
    if value is None:
        return {math.inf}
    if isinstance(value, dict):
        return set().union(*map(_numbers, value.values()))
    if isinstance(value, list):
        return set().union(*map(_numbers, value))
    return {value} if isinstance(value, int | float) else set()


def _plotted(data):
    for field in fields(data):
        if field.name == "is_simulation":
            continue  # it is said, not plotted
        for one in getattr(data, field.name):
            if isinstance(one, int | float):
                yield one
            else:
                inner = [getattr(one, part.name) for part in fields(one)]
                yield from (part for part in inner if isinstance(part, int | float))


@pytest.mark.parametrize("options", CASES)
def test_every_point_stands_in_the_run_folder(options):
    """No plotted number is computed, rounded or made up by the report."""
    known = _numbers([json.loads(line) for line in make_lines(**options)])
    known |= _numbers(json.loads(make_summary(**options).to_json()))
    known |= {math.inf}  # where a baseline without privacy stands

    plotted = list(_plotted(_points(**options)))

    assert len(plotted) > 40
    assert [one for one in plotted if one not in known] == []


def test_plots_every_round():
    """No round is left out."""
    data = _points()

    assert data.rounds == tuple(range(1, 11))
    assert len(data.accuracy) == len(data.epsilon) == len(data.without_budget) == 10


def test_baselines_without_privacy_stand_at_infinity():
    """Only what was private has a finite epsilon."""
    spent = {level.role: level.epsilon for level in _points().levels}

    assert spent == {
        Role.POOLED: math.inf,
        Role.NO_PRIVACY: math.inf,
        Role.ALONE: 3.99,
    }


def test_baselines_that_were_not_run_are_not_plotted():
    """Nothing stands in for a missing baseline."""
    assert _points(has_baselines=False).levels == ()


def test_marks_the_rounds_without_budget():
    """From the round on in which a budget had ended."""
    assert _points(exhausted_at=4).without_budget == (False,) * 3 + (True,) * 7
