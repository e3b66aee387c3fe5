"""model_card.md."""

import pytest

from simulations.model_card import model_card, write_model_card
from simulations.privacy_statement import privacy_statement
from tests.simulations.run_folders import (
    make_config,
    make_deployed_summary,
    make_run_folder,
    make_summary,
)


@pytest.mark.parametrize("is_private", [True, False])
def test_holds_the_whole_privacy_statement(is_private):
    """Every sentence of the statement stands in the card."""
    summary = make_summary(is_private=is_private)
    statement = privacy_statement(summary)

    card = model_card(make_config(is_private=is_private), summary)

    assert f"**{statement.headline}**" in card
    assert all(clause.text in card for clause in statement.clauses)


def test_compares_with_the_baselines():
    """The figures of summary.json, as a table."""
    card = model_card(make_config(), make_summary())

    assert "| this one | 85.8% | |" in card
    assert "| alone, best site | 48.5% | same privacy |" in card


@pytest.mark.parametrize("accuracy", [0.858, None])
def test_a_deployed_card_says_only_what_the_coordinator_knows(accuracy):
    """No model and no size of a site, and whose examples the accuracy is on."""
    card = model_card(make_config(), make_deployed_summary(accuracy=accuracy))

    shown = "not measured" if accuracy is None else "85.8%"
    assert f"| this one | {shown} | |" in card
    assert "| student | accuracy on the coordinator's own examples | |" in card
    assert "soft labels of 2 sites on 397 public examples" in card
    assert "in 10 rounds on separate machines." in card
    assert "planned for 100 a site on average" in card
    assert "mlp, cnn" not in card
    assert "sites' students, mean" not in card
    assert "simulat" not in card.lower()


def test_depends_on_no_path_and_no_duration(tmp_path):
    """The same run gives the same bytes, wherever it ran and however long."""
    here = make_run_folder(tmp_path / "here")
    there = make_run_folder(tmp_path / "there")
    config = make_config().with_overrides({"output": "/somewhere/else"})
    there.config.write_text(config.to_toml())

    write_model_card(here, make_summary())
    write_model_card(there, make_summary())

    assert here.model_card.read_bytes() == there.model_card.read_bytes()
    assert "48.3" not in here.model_card.read_text()
