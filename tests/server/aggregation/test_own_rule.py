"""A consensus rule of the user's own at the server."""

import numpy as np
import pytest

from common.errors import ConfigError
from common.soft_labels import log_softmax
from server.aggregation.log_opinion_pool import log_opinion_pool
from server.aggregation.rules import make_rule
from tests.own_modules import write_module

RULES = """
    import numpy as np

    def pool(logs):
        return logs.mean(axis=0)

    def in_place(logs):
        logs -= 1
        return logs[0]

    def with_zeros(logs):
        first = logs[0]
        first[:, 0] = -np.inf
        return first

    def shape_of_sites(logs):
        return logs

    def nan(logs):
        return np.where(np.arange(3) == 1, np.nan, logs[0])

    def infinite(logs):
        return np.full_like(logs[0], np.inf)

    def nothing(logs):
        return np.full_like(logs[0], -np.inf)

    def forgotten(logs):
        pass

    def fails(logs):
        raise KeyError("no\\nkey")
"""
LOGS = log_softmax(np.random.default_rng(1).normal(size=(4, 5, 3)))


@pytest.fixture
def rule(tmp_path, monkeypatch):
    """A function from the name of a rule of the module to the rule."""
    name = write_module(monkeypatch, tmp_path, RULES)
    return lambda function: make_rule(f"{name}:{function}", temperature=1.0, power=1.0)


def test_its_outcome_is_normalised(rule):
    """The mean of logarithms is the log-opinion pool once its rows sum to 1."""
    assert np.allclose(rule("pool")(LOGS), log_opinion_pool(LOGS), atol=1e-12)


def test_it_may_work_in_place(rule):
    """On a copy of what the sites said."""
    before = LOGS.copy()

    rule("in_place")(LOGS)

    assert np.array_equal(before, LOGS)


def test_a_probability_of_zero_may_come_out(rule):
    consensus = rule("with_zeros")(LOGS)

    assert np.isneginf(consensus[:, 0]).all()
    assert np.allclose(np.exp(consensus).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("shape_of_sites", "its outcome has shape (4, 5, 3), must be (5, 3)"),
        ("nan", "its outcome for example 0 of the round is [-"),
        ("infinite", "[inf inf inf], must be logarithms of probabilities without"),
        ("nothing", "[-inf -inf -inf], must be"),
        ("forgotten", "it gave NoneType, must be an array"),
        ("fails", "it failed (KeyError: 'no\\nkey')"),
    ],
)
def test_an_outcome_that_is_no_consensus_is_a_plain_error(rule, function, problem):
    """One line: the key, the fault, and that the run can go on once it is mended."""
    with pytest.raises(ConfigError) as caught:
        rule(function)(LOGS)

    message = str(caught.value)
    assert message.startswith('[aggregation] rule = "own_module_')
    assert problem in message
    assert message.endswith("mend the rule and continue with --resume.")
    assert "\n" not in message


def test_a_rule_that_cannot_be_imported_runs_nothing():
    with pytest.raises(ConfigError) as caught:
        make_rule("no_such_module:rule", temperature=1.0, power=1.0)

    assert str(caught.value).startswith(
        '[aggregation] rule = "no_such_module:rule": there is no module'
    )
    assert str(caught.value).endswith("Nothing was run.")
