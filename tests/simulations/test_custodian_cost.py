"""The measurement of a custodian's cost: every way is timed, and shown."""

import io

import pytest
from rich.console import Console

from common.errors import FedstillError
from simulations.custodian_cost import CustodianCost, measure, tables
from simulations.custodian_ways import SITE, WAYS, _custodian
from tests.simulations.tiny import tiny_config

COST = CustodianCost(
    mechanism="dp-sgd",
    rounds={SITE: (0.5, 0.25, 0.75), "relay": (1.0, 2.0, 1.5)},
    commits={"FULL": (0.002, 0.004, 0.003)},
)


def shown(cost):
    console = Console(file=io.StringIO(), width=100)
    console.print(*tables(cost))
    return console.file.getvalue()


def test_all_ways_are_timed_and_shown(tmp_path):
    """Each way answers the rounds, and the tables have a row for it."""
    cost = measure(tiny_config(tmp_path / "run"), tmp_path, rounds=1, commits=3)

    assert {way: len(one) for way, one in cost.rounds.items()} == dict.fromkeys(WAYS, 1)
    assert {name: len(one) for name, one in cost.commits.items()} == {
        "FULL": 3,
        "OFF": 3,
    }
    text = shown(cost)
    assert [one for one in (*WAYS, "FULL", "OFF") if one not in text] == []


def test_rows_are_medians_beside_the_sites_own():
    """Seconds, seconds above the open site, and how many times its own."""
    assert COST.round_rows() == [
        (SITE, "0.500", "+0.000", "1.00"),
        ("relay", "1.500", "+1.000", "3.00"),
    ]
    assert COST.commit_rows() == [("FULL", "3.00", "3.90")]


def test_figures_without_the_open_site_are_refused():
    """There would be nothing to compare with."""
    with pytest.raises(ValueError, match="open site"):
        CustodianCost(mechanism="dp-sgd", rounds={"relay": (1.0,)}, commits={})


def test_a_custodian_that_does_not_start_is_no_figure(tmp_path):
    """It is said, and nothing waits for it."""
    with (
        pytest.raises(FedstillError, match="did not start"),
        _custodian(tmp_path / "site.toml"),
    ):
        pass
