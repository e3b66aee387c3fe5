"""The report of a run on separate machines: who was there, and nothing made up."""

import json
import re

import pytest

from common.config import load_config
from common.messages import RefusalReason
from server.absence import AbsenceReason
from server.replies import RejectionReason
from simulations.deployed_summary import summarise_deployed
from simulations.model_card import write_model_card
from simulations.report.page import write_report
from simulations.report.reasons import (
    ABSENCES,
    REFUSALS,
    REJECTIONS,
    absence_words,
    rejection_words,
)
from simulations.table import result_rows
from tests.simulations.deployed_folders import FAULTS, make_deployed_folder
from tests.simulations.tiny import read_lines


def _finish(folder, **more):
    config = load_config(folder.config)
    summary = summarise_deployed(config, folder, **more)
    folder.summary.write_text(summary.to_json())
    write_model_card(folder, summary)
    write_report(folder)
    return summary


def _text(folder):
    """What a person reads of the page."""
    page = folder.report.read_text()
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """A run in which one site fell silent, one left, and the quorum was missed."""
    folder = make_deployed_folder(
        tmp_path_factory.mktemp("troubled") / "run", faults=FAULTS, rounds=6
    )
    _finish(folder, federation=["site-00", "ward-9"])
    return folder


def test_says_that_it_ran_on_separate_machines(troubled):
    """And not one word of simulations."""
    text = _text(troubled)

    assert "report of a run on separate machines" in text
    assert "simulat" not in text.lower()
    assert "simulat" not in troubled.model_card.read_text().lower()
    assert "None" not in text
    assert not re.search(r"\bnan\b", text)


def test_an_early_end_is_told_with_its_reason(troubled):
    """What there is, is there."""
    done = len(read_lines(troubled.root))
    assert 0 < done < 6

    assert f"The run ended after round {done} of 6: Round {done + 1} has" in _text(
        troubled
    )


def test_whoever_was_missed_is_named_in_plain_words(troubled):
    """With rounds and reasons, in the table of sites and beside the round."""
    text = _text(troubled)

    assert "site-00 2 rounds rounds 4 to 5: was asked and gave no answer" in text
    assert "ward-9 took no part it never connected" in text


def test_the_command_that_does_it_again_is_for_a_deployment(troubled):
    """And promises no equal bytes."""
    text = _text(troubled)

    assert "fedstill run config.toml --deployment DIR" in text
    assert "does not give the same bytes" in text
    assert "fedstill simulate" not in text


def test_privacy_is_what_the_sites_promised(troubled):
    """Their ledgers are theirs."""
    text = _text(troubled)

    assert "from what every site promised" in text
    assert "own operating system" in text
    assert "run seed" not in text


def test_without_examples_accuracy_is_not_measured(tmp_path):
    """It is said, with the key; no chart of it, no figure."""
    folder = make_deployed_folder(tmp_path / "run")
    lines = read_lines(folder.root)
    for line in lines:
        line["global_student"] = dict.fromkeys(line["global_student"])
    folder.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    summary = _finish(folder)

    text = _text(folder)
    assert "Accuracy was not measured" in text
    assert "[evaluation] path" in text
    assert "Accuracy per round" not in text
    assert "Accuracy against epsilon" not in text
    assert "Epsilon spent" in text
    assert "None" not in text
    assert "not measured" in folder.model_card.read_text()
    assert result_rows(summary)[0][1] == "not measured"


@pytest.mark.parametrize(
    ("words", "reasons"),
    [
        (ABSENCES, AbsenceReason),
        (REFUSALS, RefusalReason),
        (REJECTIONS, set(RejectionReason) - {RejectionReason.REFUSED}),
    ],
)
def test_every_reason_has_plain_words(words, reasons):
    """A new reason needs them."""
    assert set(words) == {reason.value for reason in reasons}


def test_words_of_labels():
    """A refusal has a reason of its own; what is not known stays as it is."""
    assert (
        rejection_words("refused: busy")
        == "it refused: it was busy with another request"
    )
    assert rejection_words("refused: strange") == "it refused: strange"
    assert rejection_words("app-stopped").startswith("its relay was killed")
    assert rejection_words("strange") == "strange"
    assert absence_words("strange") == "strange"
