"""A run without privacy needs two words in the config, and says so everywhere."""

import io
import json
import re

import pytest
from rich.console import Console

from common.errors import ConfigError
from common.run_folder import RunFolder
from simulations.simulate import simulate
from simulations.table import print_results
from tests.simulations.tiny import read_lines, tiny_config

pytestmark = pytest.mark.e2e

BOLD_RED = "\x1b[1;31m"
PLAIN = "This run promises no privacy at all."


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run without privacy; (summary, folder)."""
    folder = tmp_path_factory.mktemp("non-private") / "run"
    config = tiny_config(folder, privacy__mechanism="none", allow_non_private=True)
    return simulate(config), RunFolder(folder)


def test_it_has_to_be_allowed(tmp_path):
    """By a key of its own; otherwise nothing is run."""
    with pytest.raises(ConfigError) as caught:
        simulate(
            tiny_config(),
            output=tmp_path / "run",
            overrides={"privacy.mechanism": "none"},
        )

    assert str(caught.value) == (
        '[privacy] mechanism = "none": must not be none unless allow-non-private = '
        "true. Nothing was run."
    )
    assert list(tmp_path.iterdir()) == []


def test_the_summary_has_no_epsilon(finished):
    """Infinite in Python, null in JSON; nothing that could be read as a number."""
    summary, folder = finished
    privacy = json.loads(folder.summary.read_text())["privacy"]

    assert not summary.privacy.is_private
    assert (privacy["mechanism"], privacy["max_epsilon"]) == ("none", None)
    assert privacy["sum_epsilon"] is None
    assert [line["privacy"]["epsilon"] for line in read_lines(folder.root)] == [
        None
    ] * 2


def test_the_report_says_so_in_red(finished):
    """Before anything else that a reader could take for a result."""
    _, folder = finished
    page = folder.report.read_text()

    assert (
        f'<p class="notice red" role="alert"><strong>No privacy.</strong> {PLAIN}'
        in (page)
    )
    assert '<section class="statement red">' in page
    assert re.search(r"\.notice\.red \{ color: var\(--red\)", page)
    assert page.index('class="notice red"') < page.index("<svg")
    assert "differentially private for each" not in page


def test_the_card_says_so(finished):
    """It travels with the student."""
    _, folder = finished

    card = folder.model_card.read_text()

    assert f"**{PLAIN}" in card
    assert "mechanism none" in card
    assert "differentially private for each" not in card


def test_the_terminal_says_so_in_red(finished):
    """Bold red in a terminal, plain words in a file."""
    summary, folder = finished
    words = "No privacy: students and soft labels may reveal single examples."
    printed = {}
    for is_terminal in (True, False):
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=is_terminal, width=100)
        print_results(console, summary, folder)
        printed[is_terminal] = stream.getvalue()

    assert f"{BOLD_RED}{words}" in printed[True]
    assert words in printed[False]
    assert "epsilon" not in printed[False]
