"""What is said of additive heads."""

import math
from dataclasses import replace

import pytest

from common.findings import Level
from common.head_plan import plan_head
from simulations.check.checkup import check
from simulations.check.of_head import head_findings
from simulations.check.of_privacy import outlook
from tests.simulations.check.tools import HEADS, prepared, texts, warnings
from tests.simulations.tiny import tiny_config


def _findings(**changes):
    config, parts, plan = prepared(**HEADS | changes)
    return list(head_findings(config, plan, parts, outlook(config, plan)))


def _choice(findings, key):
    return next(one for one in findings if key in one.figures)


def test_runs_without_heads_have_nothing_to_say():
    """No line at all."""
    config, parts, plan = prepared(train__batch_size=40)

    assert list(head_findings(config, plan, parts, outlook(config, plan))) == []


def test_says_what_the_rule_chose_and_what_the_user_did():
    """Value, who chose it, and why, for each of the rule's outcomes."""
    config, _, _ = prepared(**HEADS)
    chosen = plan_head(config, num_classes=10, transfer_size=60, most_dimensions=59)

    found = _findings()

    ridge, dimension = _choice(found, "ridge"), _choice(found, "dimension")
    assert ridge.text.startswith(f"head.ridge = {chosen.ridge:g}, chosen by the rule: ")
    assert dimension.text.startswith("head.dimension = 12, set in the config: ")
    assert _choice(found, "clipping-norm").figures["clipping-norm"][0] == pytest.approx(
        math.sqrt(0.9), rel=1e-3
    )
    assert _choice(found, "rounds").text.startswith("rounds = 2, set in the config: ")


@pytest.mark.parametrize(
    ("per_round", "expected"),
    [
        (8, "is below the dimension 12"),
        (20, "small for the dimension: 20 labelled"),
        (30, None),
    ],
)
def test_too_few_labelled_examples_for_the_dimension_are_a_warning(per_round, expected):
    """Below the dimension least squares is not exact, below twice it is shaky."""
    found = warnings(_findings(transfer__per_round=per_round, privacy__epsilon=8.0))

    assert [expected in text for text in found] == ([True] if expected else [])


def test_sites_too_small_for_epsilon_and_dimension_are_a_warning():
    """At N = 2 C sqrt d the noise is as long as what features tell."""
    small = warnings(_findings(privacy__epsilon=0.5))
    large = warnings(_findings(privacy__epsilon=8.0))

    assert any("N = " in text and "too small" in text for text in small)
    assert large == []


def test_more_features_than_there_are_is_an_error():
    """Digits have 64 pixels."""
    found = _findings(head__dimension=80, transfer__size=200, transfer__per_round=200)

    (error,) = texts(found, Level.ERROR)
    assert "dimension = 80" in error
    assert "Nothing was run" not in error


def test_features_that_do_not_fit_the_examples_are_an_error():
    """Standardised columns are for tables, digits are images."""
    config = tiny_config(**{**HEADS, "head__features": "standardised"})

    (error,) = texts(check(config), Level.ERROR)
    assert error.startswith("[head] features = 'standardised': ")


def test_a_large_transfer_set_is_not_learnt_from(monkeypatch):
    """It would take minutes: only the number of features is compared."""
    monkeypatch.setattr("simulations.check.of_features.MOST_VALUES_LEARNT", 1)
    config, parts, plan = prepared(**HEADS)
    ahead = outlook(config, plan)
    wide = replace(plan, head=replace(plan.head, dimension=70))

    fitting = texts(head_findings(config, plan, parts, ahead), Level.ERROR)
    (error,) = texts(head_findings(config, wide, parts, ahead), Level.ERROR)

    assert fitting == []
    assert "must be <= 59" in error
